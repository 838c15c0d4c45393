//! The outbox delivers a connector's changes to its consumers and keeps a cursor for each.
//!
//! [`crate::protocol::outbox`] decides what to deliver and when; this module does the I/O. A consumer never
//! makes a write fail. Cursors are stored with the next write of the row and by the alarm. One alarm, stored
//! with the commit, retries failed deliveries and those that a crash interrupted.
//!
//! The outbox reads the object's state ([`Shared`]) and knows nothing about requests.

mod consumer;
pub(super) mod directory;
mod jobs;
mod kv;
mod report;
mod settle;
pub(super) mod webhook;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use consumer::{Consumer, deliver, start};
use directory::Directory;
use jobs::Jobs;
use kv::Kv;
use settle::{InFlight, deliver_and_wait, settle};
use webhook::Seen;
use worker::console_error;

use super::objects::connector::Shared;
use super::runtime::{join, now_millis};
use crate::protocol::outbox::{Alarm, Awaited, Copying, Forced, Lag, Pace, Report, Reports, Until};
use crate::protocol::refresh::Lease;

/// How long after a commit the alarm checks that all consumers are up to date.
const ALARM_AFTER: Duration = Duration::from_secs(2);
/// The names of the consumers other than webhooks in lag reports.
pub(super) const CONSUMERS: [&str; 2] = ["directory", "kv"];

pub(super) struct Outbox {
    shared: Rc<Shared>,
    memory: RefCell<Memory>,
    directory_in_flight: Rc<InFlight>,
    jobs_in_flight: Rc<InFlight>,
    webhooks: webhook::Webhooks,
}

/// Delivery state that is not stored.
#[derive(Default)]
struct Memory {
    directory: Pace,
    jobs: Pace,
    kv: Pace,
    directory_lease: Lease,
    jobs_lease: Lease,
    directory_lag: Lag,
    kv_lag: Lag,
    forced: Forced,
    copying: Copying,
    reports: Reports,
    alarm: Alarm,
}

impl Outbox {
    pub fn of(shared: Rc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            memory: RefCell::default(),
            directory_in_flight: Rc::default(),
            jobs_in_flight: Rc::default(),
            webhooks: webhook::Webhooks::default(),
        })
    }

    /// Reads or changes the memory. The closure cannot await, so the borrow never spans an await.
    fn remember<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.borrow_mut())
    }

    /// Whether any change is still pending for the Directory.
    fn is_directory_pending(&self) -> bool {
        Directory::has_pending(self) || Jobs::has_pending(self)
    }

    /// Records which consumers lag at the end of an alarm that began at `begun`.
    fn record_lags(&self, begun: u64) {
        let (directory, kv) = (self.is_directory_pending(), Kv::has_pending(self));
        self.remember(|memory| {
            let lags = [(&mut memory.directory_lag, directory), (&mut memory.kv_lag, kv)];
            for ((lag, has_pending), consumer) in lags.into_iter().zip(CONSUMERS) {
                if let Some(since) = lag.update(has_pending, begun) {
                    memory.reports.add(consumer, Report { since, ..Report::default() });
                }
            }
        });
    }

    /// Whether the alarm has to run again.
    fn has_pending(&self) -> bool {
        self.is_directory_pending()
            || Kv::has_pending(self)
            || !self.remember(|memory| memory.reports.is_empty())
    }
}

/// Makes the Directory accept the next delivery even if it already has that version. Lag reports are sent
/// again, because the Directory may have lost them.
pub(super) fn force(outbox: &Outbox) {
    outbox.remember(|memory| {
        outbox.shared.move_cursors(|cursors| memory.forced.request(cursors));
        memory.directory_lag.forget_report();
        memory.kv_lag.forget_report();
    });
}

/// Call after the row has been read.
pub(super) fn loaded(outbox: &Rc<Outbox>) {
    let (versions, cursors) = outbox.shared.versions();
    outbox.remember(|memory| {
        memory.copying.start(versions, cursors, now_millis());
        if cursors.kv < versions.changed {
            memory.kv_lag.suspect_report();
        }
        if cursors.directory < versions.changed {
            memory.directory_lag.suspect_report();
        }
    });
}

/// Call right after a commit, so that the alarm is stored with it. `via` is the endpoint.
pub(super) async fn committed(outbox: &Rc<Outbox>, via: &str) {
    deliver_awaited(outbox, Awaited::by_write(via, Jobs::has_pending(outbox))).await;
}

/// Call after a connector and its jobs have been restored.
pub(super) async fn restored(outbox: &Rc<Outbox>) {
    deliver_awaited(outbox, Awaited::by_restore(Jobs::has_pending(outbox))).await;
}

/// Waits for what the response has to wait for; the rest is delivered in the background.
async fn deliver_awaited(outbox: &Rc<Outbox>, awaited: Awaited) {
    set_alarm(outbox).await;
    match awaited.directory {
        Until::Delivered => drop(deliver_and_wait::<Directory>(outbox).await),
        Until::Settled => settle::<Directory>(outbox).await,
    }
    if awaited.jobs {
        deliver_and_wait::<Jobs>(outbox).await;
    }
    start_all(outbox);
}

/// Call right after the commit of a job.
pub(super) async fn job_committed(outbox: &Rc<Outbox>) {
    set_alarm(outbox).await;
    deliver_and_wait::<Jobs>(outbox).await;
    start_all(outbox);
}

/// Call after a commit of only `last_seen` or of a job's progress. It sets no alarm, which would cost as much
/// as the heartbeat itself: if a crash loses the delivery, the next heartbeat makes up for it.
pub(super) async fn seen(outbox: &Rc<Outbox>) {
    match webhook::seen(outbox) {
        Seen::Nothing => {}
        Seen::AfterSilence => set_alarm(outbox).await,
        Seen::WithoutAlarm => {
            let this = outbox.clone();
            outbox.shared.state.wait_until(async move { webhook::watch(&this).await });
        }
    }
    join(settle::<Directory>(outbox), settle::<Jobs>(outbox)).await;
    start_all(outbox);
}

/// Delivers everything that is pending to the Directory. Returns whether it now has all earlier commits.
pub(super) async fn flush(outbox: &Rc<Outbox>) -> bool {
    let has_connector =
        !Directory::has_pending(outbox) || deliver_and_wait::<Directory>(outbox).await;
    has_connector && (!Jobs::has_pending(outbox) || deliver_and_wait::<Jobs>(outbox).await)
}

/// Handles the alarm: brings all consumers up to date.
pub(super) async fn alarm(outbox: &Rc<Outbox>) {
    let shared = &outbox.shared;
    outbox.remember(|memory| memory.alarm.clear());
    let begun = now_millis();
    webhook::run(outbox);
    let directory = join(deliver::<Directory>(outbox), deliver::<Jobs>(outbox));
    join(directory, deliver::<Kv>(outbox)).await;
    webhook::wait_until_idle(outbox).await;
    outbox.record_lags(begun);
    // Before the cursors are stored: after a crash in between, the lag is reported again.
    report::send(outbox).await;
    shared.store_cursors();
    shared.store_pending_jobs();
    if outbox.has_pending() {
        set_alarm(outbox).await;
    }
    set_late_alarm(outbox).await;
}

/// Starts delivery to all consumers that lag.
fn start_all(outbox: &Rc<Outbox>) {
    start::<Directory>(outbox);
    start::<Jobs>(outbox);
    start::<Kv>(outbox);
}

/// Sets the alarm for webhooks, unless an earlier one is set.
async fn set_late_alarm(outbox: &Rc<Outbox>) {
    let is_set = outbox.remember(|memory| memory.alarm.is_set());
    if let Some(at) = webhook::next_alarm(outbox).filter(|_| !is_set)
        && let Err(why) = outbox.shared.state.set_alarm(webhook::until(at)).await
    {
        console_error!("the alarm cannot be set: {why}");
    }
}

async fn set_alarm(outbox: &Rc<Outbox>) {
    if outbox.remember(|memory| memory.alarm.request())
        && let Err(why) = outbox.shared.state.set_alarm(ALARM_AFTER).await
    {
        outbox.remember(|memory| memory.alarm.clear());
        console_error!("the alarm cannot be set: {why}");
    }
}
