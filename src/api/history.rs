//! `GET /_connector/{id}/_status`: the status of a connector, which may follow, and its history.

use serde_json::{Value, json};

use super::response::Response;
use crate::connector::{Connector, next_moves};
use crate::status::Status;

/// The response. `history` has changes of status, the newest first, with the `version` that each made; `newest` is the
/// newest of all, whatever is asked for. A setting says how
/// long a connector may be away before it counts as silent: there is none outside the edge.
pub fn status_view(
    id: &str,
    connector: &Connector,
    newest: Option<&Value>,
    mut history: Vec<Value>,
    silent_after_seconds: Option<u64>,
) -> Response {
    history.iter_mut().for_each(mark_off_protocol);
    let latest = |name: &str| newest.and_then(|change| change.get(name)).cloned();
    let mut view = json!({
        "id": id,
        "name": connector.text("name"),
        "index_name": connector.index_name(),
        "service_type": connector.text("service_type"),
        "description": connector.text("description"),
        "status": connector.status().name(),
        "since": latest("at"),
        "by": latest("by"),
        "via": latest("via"),
        "error": connector.text("error"),
        "last_seen": connector.text("last_seen"),
        "next": next_moves(connector.status()),
        "history": history,
    });
    if let (Some(view), Some(seconds)) = (view.as_object_mut(), silent_after_seconds) {
        view.insert("silent_after_seconds".to_owned(), seconds.into());
    }
    Response::json(200, &view)
}

/// Marks a change that an update of the document made where the protocol has no such move.
fn mark_off_protocol(change: &mut Value) {
    let status = |name| change.get(name).and_then(Value::as_str).and_then(Status::parse);
    let is_legal = match (status("from"), status("to")) {
        (Some(from), Some(to)) => from.can_become(to),
        _ => true,
    };
    let is_update = change.get("via").is_some_and(|via| via == "_update" || via == "_doc");
    if let (true, false, Value::Object(change)) = (is_update, is_legal, change) {
        change.insert("off_protocol".to_owned(), true.into());
    }
}
