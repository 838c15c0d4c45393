//! What consumers of the outbox have in common: each is told one version at a time, and not too often.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::{Outbox, set_alarm};
use crate::edge::objects::connector::Shared;
use crate::edge::runtime::{now_millis, sleep};

/// Somebody who is to know how a connector is.
pub(super) trait Consumer: 'static {
    /// How far apart two tellings are.
    const GAP_MS: u64;

    fn pace(outbox: &Outbox) -> &Pace;

    /// Whether there is something that it has not been told of.
    fn is_behind(connector: &Shared) -> bool;

    /// Tells it the newest there is.
    ///
    /// # Errors
    /// What is to be in the log. It is repeated by the alarm.
    async fn tell(outbox: &Rc<Outbox>) -> Result<Told, String>;
}

/// What a telling comes to.
pub(super) enum Told {
    /// It knows.
    Done,
    /// It may be overwritten by something older: the alarm repeats it.
    Doubtful,
}

/// When a consumer was told, and how late it is.
#[derive(Default)]
pub(super) struct Pace {
    is_running: Cell<bool>,
    last: Cell<u64>,
    /// Since when it has been behind at the end of an alarm; 0: it was not.
    pub behind_since: Cell<u64>,
    /// Does the Directory know of that, or may it?
    pub is_reported: Cell<bool>,
}

impl Pace {
    /// Notes that the consumer is being told, or has been.
    pub fn mark(&self) {
        self.last.set(now_millis());
    }

    async fn wait_for_turn(&self, gap_ms: u64) {
        let since = now_millis().saturating_sub(self.last.get());
        if since < gap_ms {
            sleep(Duration::from_millis(gap_ms - since)).await;
        }
    }
}

/// Begins to tell a consumer that is behind.
pub(super) fn start<C: Consumer>(outbox: &Rc<Outbox>) {
    if C::is_behind(&outbox.shared) && !C::pace(outbox).is_running.get() {
        let this = outbox.clone();
        outbox.shared.state.wait_until(async move { tell::<C>(&this).await });
    }
}

/// Tells a consumer until it is up to date, or a telling fails.
pub(super) async fn tell<C: Consumer>(outbox: &Rc<Outbox>) {
    let pace = C::pace(outbox);
    if pace.is_running.replace(true) {
        return;
    }
    while C::is_behind(&outbox.shared) {
        pace.wait_for_turn(C::GAP_MS).await;
        pace.mark();
        match C::tell(outbox).await {
            Ok(Told::Done) => continue,
            Ok(Told::Doubtful) => {}
            Err(why) => console_error!("{why}"),
        }
        set_alarm(outbox).await;
        break;
    }
    pace.is_running.set(false);
}
