//! Metrics in the Prometheus text format. The Directory stores them (objects/directory/metrics.rs): an isolate
//! reports its counters at most once a minute, and with each metrics request.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use worker::Env;

use super::message::Notice;
use super::runtime::{JsResult, notify_directory, now_millis, spawn_or_ready, status_of, timeout};

pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PREFIX: &str = "connector_status_";

/// The minimum interval between two reports of an isolate.
const REPORT_INTERVAL_MS: u64 = 60_000;
/// How long to wait for the Directory to accept a report.
const REPORT_TIMEOUT: Duration = Duration::from_millis(500);

/// Refused requests, by reason.
pub(super) const REFUSED: &str = "refused_total";
/// Authorized writes that failed, by status.
pub(super) const WRITES_REFUSED: &str = "writes_refused_total";
/// Requests that the cluster behind the service did not answer.
pub(super) const CLUSTER_FAILURES: &str = "cluster_failures_total";

/// A counter: its name, the value of its label, and the count.
pub(super) type Count = (String, String, u64);

/// Counters of this isolate that have not been reported yet.
#[derive(Default)]
pub(super) struct Counters {
    counts: RefCell<Vec<Count>>,
    reported_at: Cell<u64>,
    /// When the first unreported refused write was counted.
    refused_at: Cell<Option<u64>>,
}

impl Counters {
    pub fn count(&self, name: &str, label: &str) {
        self.add(name, label, 1);
    }

    fn add(&self, name: &str, label: &str, more: u64) {
        let mut counts = self.counts.borrow_mut();
        match counts
            .iter_mut()
            .find(|(its_name, its_label, _)| its_name == name && its_label == label)
        {
            Some((_, _, count)) => *count += more,
            None => counts.push((name.to_owned(), label.to_owned(), more)),
        }
    }

    /// Counts the response to a write if it is an error. Returns the response, or a promise of it.
    pub fn count_response(self: &Rc<Self>, env: &Env, response: JsValue) -> JsResult {
        let status = status_of(&response);
        // The others were already counted when the request was refused.
        if status < 400 || matches!(status, 401 | 403 | 429) {
            return Ok(response);
        }
        let (this, env) = (self.clone(), env.clone());
        spawn_or_ready(async move {
            this.count_refused_write(&env, status).await;
            Ok(response)
        })
    }

    /// Counts a refused write. The first one a minute or more after the first unreported one sends a report:
    /// at most one request a minute, and none while refusals are rare.
    async fn count_refused_write(&self, env: &Env, status: u16) {
        self.count(WRITES_REFUSED, &status.to_string());
        let now = now_millis();
        match self.refused_at.get() {
            None => self.refused_at.set(Some(now)),
            Some(first) if now.saturating_sub(first) < REPORT_INTERVAL_MS => {}
            Some(_) => self.report(env).await,
        }
    }

    /// Takes all counters, to report them.
    pub fn take(&self) -> Vec<Count> {
        self.refused_at.set(None);
        self.reported_at.set(now_millis());
        self.counts.take()
    }

    /// Restores counters whose report failed.
    pub fn put_back(&self, counts: &[Count]) {
        for (name, label, count) in counts {
            self.add(name, label, *count);
        }
    }

    /// Reports to the Directory, unless that was done within the last minute.
    pub async fn report(&self, env: &Env) {
        let is_early = now_millis().saturating_sub(self.reported_at.get()) < REPORT_INTERVAL_MS;
        if is_early || self.counts.borrow().is_empty() {
            return;
        }
        let counts = self.take();
        let sent = async {
            let notice = Notice::Counts(Cow::Borrowed(&counts)).into_json()?;
            notify_directory(env, &notice).await
        };
        let Some(Ok(_)) = timeout(REPORT_TIMEOUT, sent).await else {
            return self.put_back(&counts);
        };
    }
}

/// The body of a metrics request: the caller's own metrics.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct MetricsRequest {
    /// The isolate's counters.
    pub counts: Vec<Count>,
    /// When the key of the request expires, in milliseconds since 1970.
    pub key_expires: Option<u64>,
}

impl MetricsRequest {
    /// The metrics that do not depend on the Directory.
    pub fn families(&self, is_directory_up: bool) -> String {
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

/// The samples of a metric.
pub(super) struct Family {
    name: &'static str,
    pub text: String,
}

impl Family {
    pub fn new(name: &'static str, kind: &str, help: &str) -> Self {
        let text = format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        Self { name, text }
    }

    /// Adds a sample. Label values are ours or names of settings, so they need no escaping.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.text.push_str(&format!("{PREFIX}{}{labels} {value}\n", self.name));
    }
}
