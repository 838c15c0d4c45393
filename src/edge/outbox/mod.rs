//! The outbox: who is to hear of a connector's changes, and how far each of them is.
//!
//! A change is told after its commit, and no consumer can make a write fail. Each consumer has a
//! cursor, the newest version that it has: kept in memory, stored with the next write of the row
//! and by the alarm. One alarm, stored with the commit, repeats what failed and what a crash cut
//! short. Only the newest version is told; so a consumer is at most one telling behind, however
//! many changes there were.

pub(super) mod directory;
mod jobs;
pub(super) mod kv;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::objects::connector::Object;
use super::runtime::{join, now_millis, sleep};

/// When the alarm looks whether all consumers are up to date.
const ALARM_AFTER: Duration = Duration::from_secs(2);

/// What an object remembers of its outbox between two writes.
#[derive(Default)]
pub(super) struct Outbox {
    directory: Pace,
    jobs: Pace,
    kv: Pace,
    alarm_set: Cell<bool>,
}

/// One consumer is told one version at a time, and not too often.
#[derive(Default)]
struct Pace {
    running: Cell<bool>,
    last: Cell<u64>,
    last_failure: Cell<u64>,
}

impl Pace {
    /// Waits until the last telling is `gap_ms` ago.
    async fn wait_for_turn(&self, gap_ms: u64) {
        let since = now_millis().saturating_sub(self.last.get());
        if since < gap_ms {
            sleep(Duration::from_millis(gap_ms - since)).await;
        }
    }
}

/// To be called when the row has been read.
pub(super) fn loaded(object: &Rc<Object>) {
    if object.with_record(|record| record.is_some_and(|it| it.cursors.kv < it.changed)) {
        // A write may be under way of which nothing will be heard.
        kv::suspect_late_write(object);
    }
    // Objects of the time before the Directory have never told it anything.
    if object.with_record(|record| record.is_some_and(|record| record.cursors.directory == 0)) {
        start(object);
    }
}

/// To be called right after a commit: then the alarm is stored with it. `via` is the endpoint.
pub(super) async fn committed(object: &Rc<Object>, via: &str) {
    set_alarm(object).await;
    if directory::is_awaited(via) {
        directory::tell_and_wait(object).await;
    }
    if via == "_delete" && object.has_untold_jobs() {
        jobs::tell_and_wait(object).await;
    }
    start(object);
}

/// To be called right after the commit of a job.
pub(super) async fn job_committed(object: &Rc<Object>) {
    set_alarm(object).await;
    jobs::tell_and_wait(object).await;
    start(object);
}

/// To be called after a commit of nothing but `last_seen`, or of how far a job is. It has no alarm, which would cost as much
/// as the heartbeat itself: one that a crash keeps from the Directory is made up for by the next.
pub(super) fn seen(object: &Rc<Object>) {
    start(object);
}

/// Brings all consumers up to date.
pub(super) async fn alarm(object: &Rc<Object>) {
    object.outbox.alarm_set.set(false);
    let told = join(directory::tell(object), jobs::tell(object));
    join(told, kv::tell(object)).await;
    object.note_cursors();
    object.note_untold_jobs();
    if directory::is_behind(object) || object.has_untold_jobs() || kv::is_behind(object) {
        set_alarm(object).await;
    }
}

/// Begins to tell those who are behind.
fn start(object: &Rc<Object>) {
    if directory::is_behind(object) && !object.outbox.directory.running.get() {
        let this = object.clone();
        object.state.wait_until(async move { directory::tell(&this).await });
    }
    if object.has_untold_jobs() && !object.outbox.jobs.running.get() {
        let this = object.clone();
        object.state.wait_until(async move { jobs::tell(&this).await });
    }
    if kv::is_behind(object) && !object.outbox.kv.running.get() {
        let this = object.clone();
        object.state.wait_until(async move { kv::tell(&this).await });
    }
}

async fn set_alarm(object: &Rc<Object>) {
    if !object.outbox.alarm_set.replace(true)
        && let Err(why) = object.state.set_alarm(ALARM_AFTER).await
    {
        object.outbox.alarm_set.set(false);
        console_error!("the alarm cannot be set: {why}");
    }
}
