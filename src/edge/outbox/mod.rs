//! The outbox: who is to hear of a connector's changes, and how far each of them is.
//!
//! What is told and when is decided in [`crate::protocol::outbox`]; here it is carried out. No consumer
//! can make a write fail. Cursors are stored with the next write of the row and by the alarm. One alarm,
//! stored with the commit, repeats what failed and what a crash cut short.
//!
//! The outbox knows the state of the object whose changes it tells ([`Shared`]), and nothing of
//! requests.

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

use consumer::{Consumer, start, tell};
use directory::Directory;
use jobs::Jobs;
use kv::Kv;
use settle::{Tellings, settle, tell_and_wait};
use webhook::Seen;
use worker::console_error;

use super::objects::connector::Shared;
use super::runtime::{join, now_millis};
use crate::protocol::outbox::{Alarm, Copying, Forced, Lag, Pace, Report, Reports};
use crate::protocol::refresh::Lease;

/// When the alarm looks whether all consumers are up to date.
const ALARM_AFTER: Duration = Duration::from_secs(2);
/// Consumers that are not webhooks, as they are reported.
pub(super) const CONSUMERS: [&str; 2] = ["directory", "kv"];

/// The outbox of an object.
pub(super) struct Outbox {
    shared: Rc<Shared>,
    memory: RefCell<Memory>,
    directory_tellings: Rc<Tellings>,
    jobs_tellings: Rc<Tellings>,
    webhooks: webhook::Webhooks,
}

/// What it remembers between two writes.
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
    /// Of the object with that state.
    pub fn of(shared: Rc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            memory: RefCell::default(),
            directory_tellings: Rc::default(),
            jobs_tellings: Rc::default(),
            webhooks: webhook::Webhooks::default(),
        })
    }

    /// Looks at what is remembered, or changes it. Nothing is awaited meanwhile.
    fn remember<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.borrow_mut())
    }

    /// Whether there is something that the Directory has not been told of.
    fn is_directory_behind(&self) -> bool {
        Directory::is_behind(self) || Jobs::is_behind(self)
    }

    /// Takes up, at the end of an alarm that began at that time, how late consumers are.
    fn look_at_lags(&self, begun: u64) {
        let (directory, kv) = (self.is_directory_behind(), Kv::is_behind(self));
        self.remember(|memory| {
            let lags = [(&mut memory.directory_lag, directory), (&mut memory.kv_lag, kv)];
            for ((lag, is_behind), consumer) in lags.into_iter().zip(CONSUMERS) {
                if let Some(since) = lag.look(is_behind, begun) {
                    memory.reports.add(consumer, Report { since, ..Report::default() });
                }
            }
        });
    }

    /// Is there something that the alarm has to do once more?
    fn is_behind(&self) -> bool {
        self.is_directory_behind()
            || Kv::is_behind(self)
            || !self.remember(|memory| memory.reports.is_empty())
    }
}

/// Has the Directory take the next that it is told, whatever it knows of that version. It forgets who is
/// behind.
pub(super) fn force(outbox: &Outbox) {
    outbox.remember(|memory| {
        outbox.shared.move_cursors(|cursors| memory.forced.ask(cursors));
        memory.directory_lag.forget_report();
        memory.kv_lag.forget_report();
    });
}

/// To be called when the row has been read.
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

/// To be called right after a commit: then the alarm is stored with it. `via` is the endpoint.
pub(super) async fn committed(outbox: &Rc<Outbox>, via: &str) {
    set_alarm(outbox).await;
    match directory::is_awaited(via) {
        true => drop(tell_and_wait::<Directory>(outbox).await),
        false => settle::<Directory>(outbox).await,
    }
    if via == "_delete" && Jobs::is_behind(outbox) {
        tell_and_wait::<Jobs>(outbox).await;
    }
    start_all(outbox);
}

/// To be called after a connector and its jobs were put back.
pub(super) async fn restored(outbox: &Rc<Outbox>) {
    set_alarm(outbox).await;
    tell_and_wait::<Directory>(outbox).await;
    if Jobs::is_behind(outbox) {
        tell_and_wait::<Jobs>(outbox).await;
    }
    start_all(outbox);
}

/// To be called right after the commit of a job.
pub(super) async fn job_committed(outbox: &Rc<Outbox>) {
    set_alarm(outbox).await;
    tell_and_wait::<Jobs>(outbox).await;
    start_all(outbox);
}

/// To be called after a commit of nothing but `last_seen`, or of how far a job is. It has no alarm, which would cost as much
/// as the heartbeat itself: one that a crash keeps from the Directory is made up for by the next.
pub(super) async fn seen(outbox: &Rc<Outbox>) {
    match webhook::seen(outbox) {
        Seen::Nothing => {}
        Seen::Again => set_alarm(outbox).await,
        Seen::Unwatched => {
            let this = outbox.clone();
            outbox.shared.state.wait_until(async move { webhook::watch(&this).await });
        }
    }
    join(settle::<Directory>(outbox), settle::<Jobs>(outbox)).await;
    start_all(outbox);
}

/// Tells the Directory what it has not been told of; whether it knows all that was committed before.
pub(super) async fn flush(outbox: &Rc<Outbox>) -> bool {
    let is_told = !Directory::is_behind(outbox) || tell_and_wait::<Directory>(outbox).await;
    is_told && (!Jobs::is_behind(outbox) || tell_and_wait::<Jobs>(outbox).await)
}

/// Brings all consumers up to date.
pub(super) async fn alarm(outbox: &Rc<Outbox>) {
    let shared = &outbox.shared;
    outbox.remember(|memory| memory.alarm.clear());
    let begun = now_millis();
    webhook::run(outbox);
    let told = join(tell::<Directory>(outbox), tell::<Jobs>(outbox));
    join(told, tell::<Kv>(outbox)).await;
    webhook::wait(outbox).await;
    outbox.look_at_lags(begun);
    // Before it is noted that they are up to date: after a crash in between it is reported again.
    report::send(outbox).await;
    shared.note_cursors();
    shared.note_untold_jobs();
    if outbox.is_behind() {
        set_alarm(outbox).await;
    }
    set_late_alarm(outbox).await;
}

/// Begins to tell those who are behind.
fn start_all(outbox: &Rc<Outbox>) {
    start::<Directory>(outbox);
    start::<Jobs>(outbox);
    start::<Kv>(outbox);
}

/// Sets the alarm for when webhooks need it, unless it comes sooner.
async fn set_late_alarm(outbox: &Rc<Outbox>) {
    let is_set = outbox.remember(|memory| memory.alarm.is_set());
    if let Some(at) = webhook::next_alarm(outbox).filter(|_| !is_set)
        && let Err(why) = outbox.shared.state.set_alarm(webhook::until(at)).await
    {
        console_error!("the alarm cannot be set: {why}");
    }
}

async fn set_alarm(outbox: &Rc<Outbox>) {
    if outbox.remember(|memory| memory.alarm.want())
        && let Err(why) = outbox.shared.state.set_alarm(ALARM_AFTER).await
    {
        outbox.remember(|memory| memory.alarm.clear());
        console_error!("the alarm cannot be set: {why}");
    }
}
