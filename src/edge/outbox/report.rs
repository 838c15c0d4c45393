//! Consumers that are late are reported to the Directory, which has the numbers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::consumer::Pace;
use super::{Outbox, set_alarm};
use crate::edge::message::FORMAT;
use crate::edge::runtime::{report_behind, timeout};

/// A consumer that is behind for so long is reported. A single write that failed is made up for sooner.
pub(super) const REPORT_AFTER_MS: u64 = 30_000;
/// How long to wait for the Directory to take a report.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// What the Directory is yet to hear of consumers.
#[derive(Default)]
pub(super) struct Reports {
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
    pub fn add(&self, consumer: &str, since: Option<u64>) {
        self.add_losses(consumer, since, None, None);
    }

    pub fn add_losses(
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

    pub fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    fn next(&self) -> Option<(String, Report)> {
        self.waiting
            .borrow()
            .iter()
            .next()
            .map(|(consumer, report)| (consumer.clone(), report.clone()))
    }

    /// Adds that a consumer has been behind for a while, or no longer is.
    pub fn look(&self, pace: &Pace, consumer: &str, is_behind: bool, now: u64) {
        let since = match (is_behind, pace.behind_since.get()) {
            (true, 0) => return pace.behind_since.set(now),
            (true, since) if now.saturating_sub(since) < REPORT_AFTER_MS => return,
            (true, since) => Some(since),
            (false, _) => None,
        };
        pace.behind_since.set(since.unwrap_or_default());
        if since.is_some() != pace.is_reported.replace(since.is_some()) {
            self.add(consumer, since);
        }
    }
}

/// Sends what there is to report. What fails is repeated by the alarm.
pub(super) async fn send(outbox: &Rc<Outbox>) {
    let reports = &outbox.reports;
    if reports.is_running.replace(true) {
        return;
    }
    let shared = &outbox.shared;
    let id = shared.with_record(|record| record.map(|record| record.id.clone()));
    while let Some((consumer, report)) = reports.next() {
        let text = json!({
            "format": FORMAT,
            "id": id,
            "consumer": consumer,
            "since": report.since,
            "given_up": report.given_up,
            "gone": report.gone,
        })
        .to_string();
        let Some(Ok(())) = timeout(REPORT_LIMIT, report_behind(&shared.env, &text)).await else {
            set_alarm(outbox).await;
            break;
        };
        let mut waiting = reports.waiting.borrow_mut();
        // There may be something newer to say by now.
        if waiting.get(&consumer) == Some(&report) {
            waiting.remove(&consumer);
        }
    }
    reports.is_running.set(false);
}
