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
pub(super) mod webhook;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use webhook::Seen;
use worker::console_error;

use super::message::FORMAT;
use super::objects::connector::Object;
use super::runtime::{join, now_millis, report_behind, sleep, timeout};

/// When the alarm looks whether all consumers are up to date.
const ALARM_AFTER: Duration = Duration::from_secs(2);
/// A consumer that is behind for so long is reported. A single write that failed is made up for sooner.
const REPORT_AFTER_MS: u64 = 30_000;
/// Consumers that are not webhooks, as they are reported.
pub(super) const CONSUMERS: [&str; 2] = ["directory", "kv"];
/// How long to wait for the Directory to take a report.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// What an object remembers of its outbox between two writes.
#[derive(Default)]
pub(super) struct Outbox {
    directory: Pace,
    jobs: Pace,
    kv: Pace,
    webhooks: webhook::Webhooks,
    alarm_set: Cell<bool>,
    /// Is the Directory to take what it has the version of already?
    is_anew: Cell<bool>,
    reports: Reports,
}

impl Outbox {
    /// Has the Directory take the next that it is told, whatever it knows of that version. It forgets who
    /// is behind.
    pub fn tell_anew(&self) {
        self.is_anew.set(true);
        self.directory.is_reported.set(false);
        self.kv.is_reported.set(false);
    }
}

/// What the Directory is yet to hear of consumers.
#[derive(Default)]
struct Reports {
    waiting: RefCell<BTreeMap<String, Report>>,
    is_running: Cell<bool>,
}

/// What there is to say of a consumer.
#[derive(Clone, PartialEq, Eq)]
struct Report {
    /// Since when it is behind; `None`: it no longer is.
    since: Option<u64>,
    /// How many messages to it were given up, if that is more than before.
    given_up: Option<u64>,
    /// The fingerprint of its URL, if that has answered 410.
    gone: Option<String>,
}

impl Reports {
    fn add(&self, consumer: &str, since: Option<u64>) {
        self.add_losses(consumer, since, None, None);
    }

    fn add_losses(
        &self,
        consumer: &str,
        since: Option<u64>,
        given_up: Option<u64>,
        gone: Option<String>,
    ) {
        let mut waiting = self.waiting.borrow_mut();
        let before = waiting.remove(consumer);
        let (old_given_up, old_gone) = before.map_or((None, None), |it| (it.given_up, it.gone));
        let report = Report { since, given_up: given_up.or(old_given_up), gone: gone.or(old_gone) };
        waiting.insert(consumer.to_owned(), report);
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    fn next(&self) -> Option<(String, Report)> {
        self.waiting
            .borrow()
            .iter()
            .next()
            .map(|(consumer, report)| (consumer.clone(), report.clone()))
    }

    /// Sends them. What fails is repeated by the alarm.
    async fn send(&self, object: &Rc<Object>) {
        if self.is_running.replace(true) {
            return;
        }
        let id = object.with_record(|record| record.map(|record| record.id.clone()));
        while let Some((consumer, report)) = self.next() {
            let text = json!({
                "format": FORMAT,
                "id": id,
                "consumer": consumer,
                "since": report.since,
                "given_up": report.given_up,
                "gone": report.gone,
            })
            .to_string();
            let Some(Ok(())) = timeout(REPORT_LIMIT, report_behind(&object.env, &text)).await
            else {
                set_alarm(object).await;
                break;
            };
            let mut waiting = self.waiting.borrow_mut();
            // There may be something newer to say by now.
            if waiting.get(&consumer) == Some(&report) {
                waiting.remove(&consumer);
            }
        }
        self.is_running.set(false);
    }
}

/// One consumer is told one version at a time, and not too often.
#[derive(Default)]
struct Pace {
    running: Cell<bool>,
    last: Cell<u64>,
    last_failure: Cell<u64>,
    /// Since when it has been behind at the end of an alarm; 0: it was not.
    behind_since: Cell<u64>,
    /// Does the Directory know of that, or may it?
    is_reported: Cell<bool>,
}

impl Pace {
    /// Reports that the consumer has been behind for a while, and that it is no longer.
    fn report(&self, reports: &Reports, consumer: &str, is_behind: bool, now: u64) {
        let since = match (is_behind, self.behind_since.get()) {
            (true, 0) => return self.behind_since.set(now),
            (true, since) if now.saturating_sub(since) < REPORT_AFTER_MS => return,
            (true, since) => Some(since),
            (false, _) => None,
        };
        self.behind_since.set(since.unwrap_or_default());
        if since.is_some() != self.is_reported.replace(since.is_some()) {
            reports.add(consumer, since);
        }
    }

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
        // It may have been reported before the object was put away.
        object.outbox.kv.is_reported.set(true);
    }
    if object.with_record(|record| record.is_some_and(|it| it.cursors.directory < it.changed)) {
        object.outbox.directory.is_reported.set(true);
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

/// To be called after a connector and its jobs were put back.
pub(super) async fn restored(object: &Rc<Object>) {
    set_alarm(object).await;
    directory::tell_and_wait(object).await;
    if object.has_untold_jobs() {
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
pub(super) async fn seen(object: &Rc<Object>) {
    match webhook::seen(object) {
        Seen::Nothing => {}
        Seen::Again => set_alarm(object).await,
        Seen::Unwatched => {
            let this = object.clone();
            object.state.wait_until(async move { webhook::watch(&this).await });
        }
    }
    start(object);
}

/// Brings all consumers up to date.
pub(super) async fn alarm(object: &Rc<Object>) {
    object.outbox.alarm_set.set(false);
    let begun = now_millis();
    webhook::run(object);
    let told = join(directory::tell(object), jobs::tell(object));
    join(told, kv::tell(object)).await;
    webhook::wait(object).await;
    let outbox = &object.outbox;
    let is_untold = directory::is_behind(object) || object.has_untold_jobs();
    for (pace, consumer, is_behind) in [
        (&outbox.directory, CONSUMERS[0], is_untold),
        (&outbox.kv, CONSUMERS[1], kv::is_behind(object)),
    ] {
        pace.report(&outbox.reports, consumer, is_behind, begun);
    }
    // Before it is noted that they are up to date: after a crash in between it is reported again.
    outbox.reports.send(object).await;
    object.note_cursors();
    object.note_untold_jobs();
    let is_behind =
        directory::is_behind(object) || object.has_untold_jobs() || kv::is_behind(object);
    if is_behind || !outbox.reports.is_empty() {
        set_alarm(object).await;
    }
    set_late_alarm(object).await;
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

/// Sets the alarm for when webhooks need it, unless it comes sooner.
async fn set_late_alarm(object: &Rc<Object>) {
    if !object.outbox.alarm_set.get()
        && let Some(at) = webhook::next_alarm(object)
        && let Err(why) = object.state.set_alarm(webhook::until(at)).await
    {
        console_error!("the alarm cannot be set: {why}");
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
