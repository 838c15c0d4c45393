//! What the Directory can say in numbers.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Directory, failed};
use crate::api::{ApiError, Response};
use crate::connector::Fields;
use crate::edge::metrics::Family;
use crate::edge::outbox::CONSUMERS;
use crate::edge::runtime::{JsError, now_millis};
use crate::status::Status;

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    name: Option<String>,
    value: Option<u64>,
}

impl Directory {
    /// Numbers in Prometheus' text form. `own`: those of the isolate that asks.
    ///
    /// # Errors
    /// 500 if the database fails.
    pub(super) fn metrics(&self, own: &str) -> Result<Response, ApiError> {
        let text = self.numbers().map_err(failed("the Directory cannot be counted"))?;
        Ok(Response::text(200, text + own))
    }

    fn numbers(&self) -> Result<String, JsError> {
        let now = now_millis();
        let mut connectors =
            Family::new("connectors", "gauge", "Connectors that are not deleted, by status.");
        let sql = "SELECT status AS name, sum(count) AS value FROM total WHERE deleted = 0 \
                   GROUP BY status";
        let rows: Vec<Row> = self.store.rows(sql, &[])?;
        for status in Status::ALL.map(Status::name) {
            let row = rows.iter().find(|row| row.name.as_deref() == Some(status));
            connectors
                .add(&[("status", status)], row.and_then(|row| row.value).unwrap_or_default());
        }

        let mut silent = Family::new(
            "silent_connectors",
            "gauge",
            "Connectors that have checked in, but not for SILENT_AFTER_SECONDS; looked up once a minute.",
        );
        silent.add(&[], self.silent_count(now)?);

        let mut oldest = Family::new(
            "outbox_oldest_seconds",
            "gauge",
            "For how long the oldest change has waited for a consumer, of those reported late.",
        );
        let targets = self.settings().targets.iter().map(|target| target.name.as_str());
        for consumer in CONSUMERS.into_iter().chain(targets) {
            let sql = "SELECT min(since) AS value FROM behind WHERE consumer = ?";
            let rows: Vec<Row> = self.store.rows(sql, &[consumer.into()])?;
            let since = rows.first().and_then(|row| row.value);
            let seconds = since.map_or(0, |since| now.saturating_sub(since) / 1_000);
            oldest.add(&[("consumer", consumer)], seconds);
        }

        let mut given_up = Family::new(
            "webhook_given_up_total",
            "counter",
            "Messages that a target will never get.",
        );
        for target in &self.settings().targets {
            given_up.add(&[("target", &target.name)], self.given_up(&target.name)?);
        }

        let mut sockets = Family::new("sockets", "gauge", "Open sockets of those who watch.");
        sockets.add(&[], self.live.count());
        Ok([connectors, silent, oldest, given_up, sockets].map(|family| family.text).concat())
    }

    /// Notes that a consumer of a connector's outbox is behind, and since when; or that it no longer is.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn note_behind(&self, report: &Fields) -> Result<(), JsError> {
        self.open()?;
        let text = |name| report.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, consumer) = (text("id").into(), text("consumer").into());
        let (sql, values) = match report.get("since").and_then(Value::as_u64) {
            Some(since) => {
                ("INSERT OR REPLACE INTO behind VALUES (?, ?, ?)", vec![id, consumer, since.into()])
            }
            None => ("DELETE FROM behind WHERE id = ? AND consumer = ?", vec![id, consumer]),
        };
        self.store.rows::<IgnoredAny>(sql, &values)?;
        match report.get("given_up").and_then(Value::as_u64) {
            Some(count) => self.note_given_up(text("consumer"), text("id"), count),
            None => Ok(()),
        }
    }
}
