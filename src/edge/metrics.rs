//! Numbers in Prometheus' text form. The Directory keeps them (objects/directory/metrics.rs): an isolate
//! tells it what it has counted, at most once a minute and when it is asked for numbers.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::Env;

use super::message::{self, Notice};
use super::runtime::{notify_directory, now_millis, timeout};

/// The media type of the text form.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PREFIX: &str = "connector_status_";

/// How long an isolate gathers what it counts.
const TELL_EVERY_MS: u64 = 60_000;
/// How long to wait for the Directory to take it.
const TELL_LIMIT: Duration = Duration::from_millis(500);

/// Requests that were not let in, by reason.
pub(super) const REFUSED: &str = "refused_total";
/// Writes that were let in and came to nothing, by status.
pub(super) const WRITES_REFUSED: &str = "writes_refused_total";
/// Requests that a cluster behind the service did not answer.
pub(super) const CLUSTER_FAILURES: &str = "cluster_failures_total";

/// How often something has happened: its name, what its label says, and how often.
pub(super) type Count = (String, String, u64);

/// What is counted by one isolate and not told yet.
#[derive(Default)]
pub(super) struct Counters {
    counts: RefCell<Vec<Count>>,
    told_at: Cell<u64>,
    /// When the first refused write was counted that is not told.
    refused_at: Cell<Option<u64>>,
}

impl Counters {
    /// Counts one.
    pub fn count(&self, name: &str, label: &str) {
        self.add(name, label, 1);
    }

    fn add(&self, name: &str, label: &str, more: u64) {
        let mut counts = self.counts.borrow_mut();
        match counts.iter_mut().find(|(of, with, _)| of == name && with == label) {
            Some((_, _, count)) => *count += more,
            None => counts.push((name.to_owned(), label.to_owned(), more)),
        }
    }

    /// Counts a refused write. They are told with the first that comes a minute after another: refusing writes costs
    /// one request a minute at most, and nothing if they are few.
    pub async fn count_refused_write(&self, env: &Env, status: u16) {
        self.count(WRITES_REFUSED, &status.to_string());
        let now = now_millis();
        match self.refused_at.get() {
            None => self.refused_at.set(Some(now)),
            Some(first) if now.saturating_sub(first) < TELL_EVERY_MS => {}
            Some(_) => self.tell(env).await,
        }
    }

    /// All of them, which are to be told now.
    pub fn take(&self) -> Vec<Count> {
        self.refused_at.set(None);
        self.told_at.set(now_millis());
        self.counts.take()
    }

    /// Puts back what could not be told.
    pub fn put_back(&self, counts: &[Count]) {
        for (name, label, count) in counts {
            self.add(name, label, *count);
        }
    }

    /// Tells the Directory, unless that was done within the last minute.
    pub async fn tell(&self, env: &Env) {
        let is_early = now_millis().saturating_sub(self.told_at.get()) < TELL_EVERY_MS;
        if is_early || self.counts.borrow().is_empty() {
            return;
        }
        let counts = self.take();
        let sent = async {
            let notice = message::write(&Notice::Counts { counts: &counts })?;
            notify_directory(env, &notice).await
        };
        let Some(Ok(_)) = timeout(TELL_LIMIT, sent).await else {
            return self.put_back(&counts);
        };
    }
}

/// What the Directory is told with a request for numbers.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Question {
    /// What the isolate has counted.
    pub counts: Vec<Count>,
    /// When the key of the request ends, in milliseconds since 1970.
    pub key_expires: Option<u64>,
}

impl Question {
    /// The numbers that need nobody else.
    pub fn numbers(&self, is_directory_up: bool) -> String {
        let mut build = Family::new("build_info", "gauge", "The version that answers.");
        build.add(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        let mut directory =
            Family::new("directory_up", "gauge", "Whether the Directory has answered.");
        directory.add(&[], u8::from(is_directory_up));
        let mut key = Family::new(
            "key_expires_timestamp_seconds",
            "gauge",
            "When the key that asks ends; absent if it does not.",
        );
        if let Some(end) = self.key_expires {
            key.add(&[], end / 1_000);
        }
        [build, directory, key].map(|family| family.text).concat()
    }
}

/// Samples of one name.
pub(super) struct Family {
    name: &'static str,
    /// What they are so far.
    pub text: String,
}

impl Family {
    /// With none yet.
    pub fn new(name: &'static str, kind: &str, help: &str) -> Self {
        let text = format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        Self { name, text }
    }

    /// Adds one. Values of labels are ours, or names of settings, and need no escapes.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        self.text.push_str(&format!("{PREFIX}{}{labels} {value}\n", self.name));
    }
}
