//! The Directory's metrics, and the counters that isolates report to it.

use std::time::Duration;

use serde_json::Value;
use worker::console_error;

use super::{Directory, failed};
use crate::api::{ApiError, Response};
use crate::edge::auth::KEYS;
use crate::edge::message::{LagReport, UnknownFormat};
use crate::edge::metrics::{
    CLUSTER_FAILURES, Count, Family, MetricsRequest, REFUSED, WRITES_REFUSED,
};
use crate::edge::outbox::CONSUMERS;
use crate::edge::runtime::{Database, JsError, Kv, describe, from_row, now_millis, timeout};
use crate::status::Status;
use crate::sync_job::SyncJobStatus;
use crate::values::Time;

struct Total {
    name: Option<String>,
    value: u64,
}
from_row!(Total { name, value });

struct Counter {
    name: String,
    label: String,
    value: u64,
}
from_row!(Counter { name, label, value });

/// The sums of the isolates' counters.
const COUNTERS: &str = "
    CREATE TABLE IF NOT EXISTS counter (
        name TEXT NOT NULL,
        label TEXT NOT NULL,
        value INTEGER NOT NULL,
        PRIMARY KEY (name, label)
    ) WITHOUT ROWID;";
/// How long the number of connectors that have never checked in is cached.
const NEVER_SEEN_CACHE_MS: u64 = 15 * 60_000;
const DAY_MS: u64 = 86_400_000;
/// How long the keys' expiration times are cached: listing keys costs an operation of Workers KV.
const KEYS_CACHE_MS: u64 = 60 * 60_000;
const KEYS_TIMEOUT: Duration = Duration::from_secs(2);
/// Keys that expire within this time are counted.
const KEYS_ENDING_MS: u64 = 7 * DAY_MS;
/// At most this many jobs of a status are counted, as counting reads them.
const JOBS_COUNTED: u64 = 10_000;

/// Metrics of sync jobs by status: unfinished jobs, the age of the oldest of them, and jobs created within the
/// last day that are finished. There may be too many finished jobs to count all of them.
fn job_families(database: &Database, now: u64) -> Result<[Family; 3], JsError> {
    let mut jobs = Family::new(
        "sync_jobs",
        "gauge",
        "Sync jobs that are not finished, by status; 10,000 stand for as many or more.",
    );
    let mut oldest = Family::new(
        "sync_jobs_oldest_seconds",
        "gauge",
        "For how long the oldest sync job of a status has existed; absent if there is none.",
    );
    let mut last_day = Family::new(
        "sync_jobs_last_day",
        "gauge",
        "Sync jobs made within the last day that are finished, by status; 10,000 stand for as many or more.",
    );
    for status in SyncJobStatus::ALL {
        let (name, labels) = (status.name(), [("status", status.name())]);
        if status.next().is_empty() {
            let sql = "SELECT count(*) AS value FROM (SELECT 1 FROM job WHERE status = ? \
                       AND (created_at IS NULL) = 0 AND created_at > ? LIMIT ?)";
            let values = [name.into(), now.saturating_sub(DAY_MS).into(), JOBS_COUNTED.into()];
            last_day.add(&labels, database.value::<u64>(sql, &values)?.unwrap_or_default());
            continue;
        }
        let sql = "SELECT count(*) AS value FROM (SELECT 1 FROM job WHERE status = ? LIMIT ?)";
        let count = database.value::<u64>(sql, &[name.into(), JOBS_COUNTED.into()])?;
        jobs.add(&labels, count.unwrap_or_default());
        let sql = "SELECT created_at AS value FROM job WHERE status = ? \
                   AND (created_at IS NULL) = 0 ORDER BY created_at LIMIT 1";
        if let Some(at) = database.value::<u64>(sql, &[name.into()])? {
            oldest.add(&labels, now.saturating_sub(at) / 1_000);
        }
    }
    Ok([jobs, oldest, last_day])
}

impl Directory {
    /// The metrics in the Prometheus text format. `request`: a [`MetricsRequest`] as JSON.
    pub(super) fn metrics(&self, request: &str) -> Result<Response, ApiError> {
        let request: MetricsRequest = serde_json::from_str(request).map_err(|_| UnknownFormat)?;
        let text = self
            .add_counts(&request.counts)
            .and_then(|()| self.families())
            .map_err(failed("the Directory cannot be counted"))?;
        Ok(Response::text(200, request.families(true) + &text))
    }

    /// Adds the counters of an isolate.
    pub(super) fn add_counts(&self, counts: &[Count]) -> Result<(), JsError> {
        if counts.is_empty() {
            return Ok(());
        }
        let database = self.state.database();
        database.execute(COUNTERS, &[])?;
        for (name, label, count) in counts {
            database.execute(
                "INSERT INTO counter VALUES (?, ?, ?)
                 ON CONFLICT DO UPDATE SET value = value + excluded.value",
                &[name.into(), label.into(), (*count).into()],
            )?;
        }
        Ok(())
    }

    fn families(&self) -> Result<String, JsError> {
        let (now, database) = (now_millis(), self.state.database());
        let mut connectors =
            Family::new("connectors", "gauge", "Connectors that are not deleted, by status.");
        let sql = "SELECT status AS name, sum(count) AS value FROM total WHERE deleted = 0 \
                   GROUP BY status";
        let rows: Vec<Total> = self.store.rows(sql, &[])?;
        for status in Status::ALL.map(Status::name) {
            let row = rows.iter().find(|row| row.name.as_deref() == Some(status));
            connectors.add(&[("status", status)], row.map_or(0, |row| row.value));
        }

        let mut newest = Family::new(
            "newest_error_timestamp_seconds",
            "gauge",
            "When the connector failed that failed last, of those that fail; absent if none does.",
        );
        let sql = "SELECT since FROM entry WHERE deleted = 0 AND status = 'error' \
                   ORDER BY since DESC LIMIT 1";
        let since: Option<String> = database.value(sql, &[])?;
        let since = since.and_then(|since| Time::parse(&since)).and_then(Time::unix_millis);
        if let Some(since) = since {
            newest.add(&[], since / 1_000);
        }

        let mut silent = Family::new(
            "silent_connectors",
            "gauge",
            "Connectors that have checked in, but not for SILENT_AFTER_SECONDS; looked up once a minute.",
        );
        silent.add(&[], self.silent_count(now)?);

        let mut never_seen = Family::new(
            "never_seen_connectors",
            "gauge",
            "Connectors that have never checked in; looked up once in 15 minutes.",
        );
        never_seen.add(&[], self.never_seen(&database, now)?);

        let [jobs, oldest_job, jobs_last_day] = job_families(&database, now)?;

        let mut oldest = Family::new(
            "outbox_oldest_seconds",
            "gauge",
            "For how long the oldest change has waited for a consumer, of those reported late.",
        );
        let targets = self.settings().targets.iter().map(|target| target.name.as_str());
        for consumer in CONSUMERS.into_iter().chain(targets) {
            let sql = "SELECT min(since) AS value FROM lag WHERE consumer = ?";
            let since = database.value::<u64>(sql, &[consumer.into()])?;
            let seconds = since.map_or(0, |since| now.saturating_sub(since) / 1_000);
            oldest.add(&[("consumer", consumer)], seconds);
        }

        let mut given_up = Family::new(
            "webhook_given_up_total",
            "counter",
            "Messages that a target will never get.",
        );
        let mut attempts =
            Family::new("webhook_attempts_total", "counter", "Attempts to send messages.");
        let mut failures =
            Family::new("webhook_failures_total", "counter", "Attempts that have failed.");
        let mut ended = Family::new(
            "webhook_ended",
            "gauge",
            "Connectors of which a target gets nothing more, for it has answered 410; summaries count as one.",
        );
        for target in &self.settings().targets {
            let labels = [("target", target.name.as_str())];
            let state = self.target_state(&target.name)?;
            given_up.add(&labels, self.given_up(&target.name)?);
            attempts.add(&labels, state.attempts);
            failures.add(&labels, state.failures);
            ended.add(&labels, self.ended(target)?);
        }
        let mut misconfigured = Family::new(
            "webhook_misconfigured",
            "gauge",
            "Settings of webhooks that are wrong; absent if none is.",
        );
        let mut settings: Vec<&str> =
            self.settings().problems.iter().map(|problem| problem.setting.as_str()).collect();
        settings.dedup();
        for setting in settings {
            misconfigured.add(&[("setting", setting)], 1);
        }

        let mut refused = Family::new(
            REFUSED,
            "counter",
            "Requests that were not let in, by reason, as isolates tell once a minute.",
        );
        let mut writes_refused = Family::new(
            WRITES_REFUSED,
            "counter",
            "Writes that were let in and refused, by status.",
        );
        let mut cluster = Family::new(
            CLUSTER_FAILURES,
            "counter",
            "Requests that the cluster behind the service did not answer.",
        );
        database.execute(COUNTERS, &[])?;
        let counters: Vec<Counter> = database.rows("SELECT * FROM counter", &[])?;
        let of = |name| counters.iter().filter(move |counter| counter.name == name);
        for Counter { label, value, .. } in of(REFUSED) {
            refused.add(&[("reason", label)], value);
        }
        for Counter { label, value, .. } in of(WRITES_REFUSED) {
            writes_refused.add(&[("status", label)], value);
        }
        cluster.add(&[], of(CLUSTER_FAILURES).map(|counter| counter.value).sum::<u64>());

        let mut keys_ending = Family::new(
            "keys_ending",
            "gauge",
            "Keys that end within 7 days; looked up once an hour, absent if that is not known.",
        );
        if let Some((_, expirations)) = &*self.keys.borrow() {
            let ends = |end: &&u64| (now..now + KEYS_ENDING_MS).contains(*end);
            keys_ending.add(&[], expirations.iter().filter(ends).count());
        }
        let mut last_backup = Family::new(
            "last_backup_timestamp_seconds",
            "gauge",
            "Up to when the last complete backup has every change; absent if there is none.",
        );
        if self.last_backup.get() > 0 {
            last_backup.add(&[], self.last_backup.get() / 1_000);
        }

        let mut sockets = Family::new("sockets", "gauge", "Open sockets of those who watch.");
        sockets.add(&[], self.live.count());
        let all = [
            connectors,
            newest,
            silent,
            never_seen,
            jobs,
            oldest_job,
            jobs_last_day,
            oldest,
            given_up,
            attempts,
            failures,
            ended,
            misconfigured,
            refused,
            writes_refused,
            cluster,
            keys_ending,
            last_backup,
            sockets,
        ];
        Ok(all.map(|family| family.text).concat())
    }

    /// Records that a consumer of a connector's outbox lags, and since when; or that it no longer does.
    pub(super) fn record_lag(&self, report: &LagReport<'_>) -> Result<(), JsError> {
        self.open()?;
        let LagReport { id, consumer, since, given_up, gone } = report;
        let mut values: Vec<Value> = vec![id.as_ref().into(), consumer.as_ref().into()];
        let sql = match since {
            Some(_) => "INSERT OR REPLACE INTO lag VALUES (?, ?, ?)",
            None => "DELETE FROM lag WHERE id = ? AND consumer = ?",
        };
        values.extend(since.map(Value::from));
        self.store.execute(sql, &values)?;
        if let Some(count) = given_up {
            self.note_given_up(consumer, id, *count)?;
        }
        match gone {
            Some(gone) => self.note_ended(consumer, id, gone),
            None => Ok(()),
        }
    }

    /// Looks up when keys expire, at most once an hour. If that fails, the metric is absent.
    pub(super) async fn refresh_key_expirations(&self) {
        let now = now_millis();
        let is_fresh = |keys: &Option<(u64, Vec<u64>)>| {
            keys.as_ref().is_some_and(|(at, _)| now.saturating_sub(*at) < KEYS_CACHE_MS)
        };
        if is_fresh(&self.keys.borrow()) {
            return;
        }
        let expirations = match timeout(KEYS_TIMEOUT, self.expirations()).await {
            Some(Ok(expirations)) => Some((now, expirations)),
            Some(Err(thrown)) => {
                console_error!("when keys end is not known: {}", describe(&thrown));
                None
            }
            None => None,
        };
        self.keys.replace(expirations);
    }

    async fn expirations(&self) -> Result<Vec<u64>, JsError> {
        let kv = Kv::of(&self.env, KEYS)?;
        let mut expirations = Vec::new();
        let mut cursor = None;
        loop {
            let page = kv.list("", cursor.as_deref()).await?;
            expirations.extend(page.expirations);
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(expirations);
            }
        }
    }

    /// How many connectors have never checked in. Cached, as counting them reads all rows.
    fn never_seen(&self, database: &Database, now: u64) -> Result<u64, JsError> {
        if let Some((at, count)) = self.never_seen.get()
            && now.saturating_sub(at) < NEVER_SEEN_CACHE_MS
        {
            return Ok(count);
        }
        let sql = "SELECT count(*) AS value FROM entry WHERE deleted = 0 AND last_seen IS NULL";
        let count = database.value::<u64>(sql, &[])?.unwrap_or_default();
        self.never_seen.set(Some((now, count)));
        Ok(count)
    }
}
