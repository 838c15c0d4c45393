//! `GET /_connector/{id}/_status`: where a connector is, what may come next, how it got there.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use crate::connector::Connector;

/// One change of status, whichever endpoint made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The status before; `None` at creation.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// When, as ISO-8601 in UTC.
    pub at: String,
    /// The endpoint that made it.
    pub via: String,
    /// The id of the API key that asked for it; `None` where none was needed.
    pub by: Option<String>,
}

/// The answer. `history` has the newest change first.
pub fn status_view(id: &str, connector: &Connector, history: &[StatusChange]) -> Answer {
    let next: Vec<_> = connector
        .status()
        .next()
        .iter()
        .map(|status| {
            let mover = status.mover();
            json!({ "status": status.name(), "who": mover.who, "when": mover.when })
        })
        .collect();
    let latest = history.first();
    Answer::json(
        200,
        &json!({
            "id": id,
            "status": connector.status().name(),
            "since": latest.map(|change| &change.at),
            "by": latest.and_then(|change| change.by.as_ref()),
            "via": latest.map(|change| &change.via),
            "error": connector.text("error"),
            "last_seen": connector.text("last_seen"),
            "next": next,
            "history": history,
        }),
    )
}
