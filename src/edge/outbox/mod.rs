//! The outbox: who is to hear of a connector's changes, and how far each of them is.
//!
//! A change is told after its commit, and no consumer can make a write fail. Each consumer has a
//! cursor, the newest version that it has: kept in memory, stored with the next write of the row
//! and by the alarm. One alarm, stored with the commit, repeats what failed and what a crash cut
//! short. Only the newest version is told; so a consumer is at most one telling behind, however
//! many changes there were.
//!
//! The outbox knows the state of the object whose changes it tells ([`Shared`]), and nothing of
//! requests.

mod consumer;
pub(super) mod directory;
mod jobs;
mod kv;
mod report;
pub(super) mod webhook;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use consumer::{Consumer, Pace, start, tell};
use directory::Directory;
use jobs::Jobs;
use kv::Kv;
use report::Reports;
use webhook::Seen;
use worker::console_error;

use super::objects::connector::Shared;
use super::runtime::{join, now_millis};

/// When the alarm looks whether all consumers are up to date.
const ALARM_AFTER: Duration = Duration::from_secs(2);
/// Consumers that are not webhooks, as they are reported.
pub(super) const CONSUMERS: [&str; 2] = ["directory", "kv"];

/// The outbox of an object, with what it remembers between two writes.
pub(super) struct Outbox {
    shared: Rc<Shared>,
    directory: Pace,
    jobs: Pace,
    kv: kv::Copying,
    webhooks: webhook::Webhooks,
    alarm_set: Cell<bool>,
    /// Is the Directory to take what it has the version of already?
    is_forced: Cell<bool>,
    reports: Reports,
}

impl Outbox {
    /// Of the object with that state.
    pub fn of(shared: Rc<Shared>) -> Rc<Self> {
        Rc::new(Self {
            shared,
            directory: Pace::default(),
            jobs: Pace::default(),
            kv: kv::Copying::default(),
            webhooks: webhook::Webhooks::default(),
            alarm_set: Cell::default(),
            is_forced: Cell::default(),
            reports: Reports::default(),
        })
    }

    /// Whether there is something that the Directory has not been told of.
    fn is_directory_behind(&self) -> bool {
        Directory::is_behind(&self.shared) || Jobs::is_behind(&self.shared)
    }
}

/// Has the Directory take the next that it is told, whatever it knows of that version. It forgets who is
/// behind.
pub(super) fn force(outbox: &Outbox) {
    outbox.is_forced.set(true);
    outbox.directory.is_reported.set(false);
    outbox.kv.pace.is_reported.set(false);
}

/// To be called when the row has been read.
pub(super) fn loaded(outbox: &Rc<Outbox>) {
    let behind = outbox.shared.with_record(|record| {
        let it = record?;
        Some((it.cursors.kv < it.changed, it.cursors.directory < it.changed))
    });
    let (kv, directory) = behind.unwrap_or_default();
    if kv {
        // A write may be under way of which nothing will be heard.
        outbox.kv.suspect_late_write();
    }
    // It may have been reported before the object was put away.
    for (pace, is_behind) in [(&outbox.kv.pace, kv), (&outbox.directory, directory)] {
        if is_behind {
            pace.is_reported.set(true);
        }
    }
}

/// To be called right after a commit: then the alarm is stored with it. `via` is the endpoint.
pub(super) async fn committed(outbox: &Rc<Outbox>, via: &str) {
    set_alarm(outbox).await;
    if directory::is_awaited(via) {
        directory::tell_and_wait(outbox).await;
    }
    if via == "_delete" && Jobs::is_behind(&outbox.shared) {
        jobs::tell_and_wait(outbox).await;
    }
    start_all(outbox);
}

/// To be called after a connector and its jobs were put back.
pub(super) async fn restored(outbox: &Rc<Outbox>) {
    set_alarm(outbox).await;
    directory::tell_and_wait(outbox).await;
    if Jobs::is_behind(&outbox.shared) {
        jobs::tell_and_wait(outbox).await;
    }
    start_all(outbox);
}

/// To be called right after the commit of a job.
pub(super) async fn job_committed(outbox: &Rc<Outbox>) {
    set_alarm(outbox).await;
    jobs::tell_and_wait(outbox).await;
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
    start_all(outbox);
}

/// Brings all consumers up to date.
pub(super) async fn alarm(outbox: &Rc<Outbox>) {
    let shared = &outbox.shared;
    outbox.alarm_set.set(false);
    let begun = now_millis();
    webhook::run(outbox);
    let told = join(tell::<Directory>(outbox), tell::<Jobs>(outbox));
    join(told, tell::<Kv>(outbox)).await;
    webhook::wait(outbox).await;
    for (pace, consumer, is_behind) in [
        (&outbox.directory, CONSUMERS[0], outbox.is_directory_behind()),
        (&outbox.kv.pace, CONSUMERS[1], Kv::is_behind(shared)),
    ] {
        outbox.reports.look(pace, consumer, is_behind, begun);
    }
    // Before it is noted that they are up to date: after a crash in between it is reported again.
    report::send(outbox).await;
    shared.note_cursors();
    shared.note_untold_jobs();
    let is_behind = outbox.is_directory_behind() || Kv::is_behind(shared);
    if is_behind || !outbox.reports.is_empty() {
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
    if !outbox.alarm_set.get()
        && let Some(at) = webhook::next_alarm(outbox)
        && let Err(why) = outbox.shared.state.set_alarm(webhook::until(at)).await
    {
        console_error!("the alarm cannot be set: {why}");
    }
}

async fn set_alarm(outbox: &Rc<Outbox>) {
    if !outbox.alarm_set.replace(true)
        && let Err(why) = outbox.shared.state.set_alarm(ALARM_AFTER).await
    {
        outbox.alarm_set.set(false);
        console_error!("the alarm cannot be set: {why}");
    }
}
