//! Drives what is decided in [`crate::protocol::outbox::Pace`], for each consumer.

use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::{Memory, Outbox, set_alarm};
use crate::edge::runtime::{now_millis, sleep};
use crate::protocol::outbox::{Pace, Turn};

/// Somebody who is to know how a connector is.
pub(super) trait Consumer: 'static {
    /// How far apart two tellings are.
    const GAP_MS: u64;

    fn pace(memory: &mut Memory) -> &mut Pace;

    /// Whether there is something that it has not been told of.
    fn is_behind(outbox: &Outbox) -> bool;

    /// Tells it the newest there is; tells whether that counts, or has to be repeated.
    ///
    /// # Errors
    /// What is to be in the log. It is repeated by the alarm.
    async fn tell(outbox: &Rc<Outbox>) -> Result<bool, String>;
}

/// Begins to tell a consumer that is behind.
pub(super) fn start<C: Consumer>(outbox: &Rc<Outbox>) {
    if C::is_behind(outbox) && !outbox.remember(|memory| C::pace(memory).is_running()) {
        let this = outbox.clone();
        outbox.shared.state.wait_until(async move { tell::<C>(&this).await });
    }
}

/// Tells a consumer until it is up to date, or a telling fails.
pub(super) async fn tell<C: Consumer>(outbox: &Rc<Outbox>) {
    if !outbox.remember(|memory| C::pace(memory).begin()) {
        return;
    }
    loop {
        match next::<C>(outbox) {
            Turn::Wait(ms) => sleep(Duration::from_millis(ms)).await,
            Turn::Tell => note::<C>(outbox, C::tell(outbox).await),
            Turn::SetAlarm => set_alarm(outbox).await,
            Turn::Rest => return,
        }
    }
}

fn next<C: Consumer>(outbox: &Outbox) -> Turn {
    let is_behind = C::is_behind(outbox);
    outbox.remember(|memory| C::pace(memory).next(is_behind, C::GAP_MS, now_millis()))
}

fn note<C: Consumer>(outbox: &Outbox, told: Result<bool, String>) {
    if told != Ok(true) {
        outbox.remember(|memory| C::pace(memory).fail());
    }
    if let Err(why) = told {
        console_error!("{why}");
    }
}
