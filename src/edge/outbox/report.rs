//! Reports lagging consumers to the Directory: see `protocol::outbox::Reports`.

use std::rc::Rc;
use std::time::Duration;

use super::{Outbox, set_alarm};
use crate::edge::message::{self, LagReport};
use crate::edge::runtime::{report_lag, timeout};
use crate::protocol::outbox::Report;

/// How long to wait for the Directory to accept a report.
const REPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends pending reports. The alarm retries failures.
pub(super) async fn send(outbox: &Rc<Outbox>) {
    if !outbox.remember(|memory| memory.reports.begin()) {
        return;
    }
    while let Some((consumer, report)) = outbox.remember(|memory| memory.reports.to_send()) {
        let sent =
            async { report_lag(&outbox.shared.env, &text(outbox, &consumer, &report)?).await };
        let Some(Ok(())) = timeout(REPORT_TIMEOUT, sent).await else {
            set_alarm(outbox).await;
            return outbox.remember(|memory| memory.reports.fail());
        };
        outbox.remember(|memory| memory.reports.sent(&consumer, &report));
    }
}

fn text(outbox: &Outbox, consumer: &str, report: &Report) -> Result<String, String> {
    outbox.shared.with_record(|record| {
        let record = record.ok_or("the connector has not been read")?;
        message::write(&LagReport {
            id: record.id.as_str().into(),
            consumer: consumer.into(),
            since: report.since,
            given_up: report.given_up,
            gone: report.gone.as_deref().map(Into::into),
        })
    })
}
