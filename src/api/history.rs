//! `GET /_connector/{id}/_status`: the status of a connector, the next legal ones, and the history.

use serde_json::{Value, json};

use super::response::Response;
use crate::connector::{Connector, next_moves};
use crate::status::Status;

/// The response. `history` is the requested page of status changes, newest first; `newest` is the latest
/// change of all. `silent_after_seconds` is a setting of the Worker: `None` in the npm package.
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

/// Marks a transition that the protocol doesn't allow. Only document updates can make one.
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
