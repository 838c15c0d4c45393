//! Runs the delivery loop of each consumer, as paced by [`crate::protocol::outbox::Pace`].

use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::{Memory, Outbox, set_alarm};
use crate::edge::runtime::{now_millis, sleep};
use crate::protocol::outbox::{Pace, Turn};

/// A recipient of a connector's changes.
pub(super) trait Consumer: 'static {
    /// The minimum interval between two deliveries.
    const GAP_MS: u64;

    fn pace(memory: &mut Memory) -> &mut Pace;

    /// Whether any change is still pending for this consumer.
    fn has_pending(outbox: &Outbox) -> bool;

    /// Delivers the newest state. `false`: the delivery must be repeated.
    ///
    /// # Errors
    /// The log line. The alarm retries.
    async fn deliver(outbox: &Rc<Outbox>) -> Result<bool, String>;
}

/// Starts delivery to a consumer that lags, unless it is already running.
pub(super) fn start<C: Consumer>(outbox: &Rc<Outbox>) {
    if C::has_pending(outbox) && !outbox.remember(|memory| C::pace(memory).is_running()) {
        let this = outbox.clone();
        outbox.shared.state.wait_until(async move { deliver::<C>(&this).await });
    }
}

/// Delivers to a consumer until it is up to date or a delivery fails.
pub(super) async fn deliver<C: Consumer>(outbox: &Rc<Outbox>) {
    if !outbox.remember(|memory| C::pace(memory).begin()) {
        return;
    }
    loop {
        match next::<C>(outbox) {
            Turn::Wait(ms) => sleep(Duration::from_millis(ms)).await,
            Turn::Send => note::<C>(outbox, C::deliver(outbox).await),
            Turn::SetAlarm => set_alarm(outbox).await,
            Turn::Idle => return,
        }
    }
}

fn next<C: Consumer>(outbox: &Outbox) -> Turn {
    let has_pending = C::has_pending(outbox);
    outbox.remember(|memory| C::pace(memory).next(has_pending, C::GAP_MS, now_millis()))
}

fn note<C: Consumer>(outbox: &Outbox, delivered: Result<bool, String>) {
    if delivered != Ok(true) {
        outbox.remember(|memory| C::pace(memory).fail());
    }
    if let Err(why) = delivered {
        console_error!("{why}");
    }
}
