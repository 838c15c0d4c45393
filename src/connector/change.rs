//! What each update endpoint does to a connector.

use std::fmt;

use serde_json::{Value, json};

use super::{Connector, Fields, Patch};
use crate::status::{InvalidTransition, Status};
use crate::values::{NATIVE_INDEX_PREFIX, Time};

/// The decision of an update endpoint: takes the current connector and the fields of the request, and
/// returns what to change.
pub type UpdateFn = fn(&Connector, Fields, ChangeContext<'_>) -> Result<Patch, DomainError>;

#[derive(Clone, Copy, Debug)]
pub struct ChangeContext<'a> {
    pub id: &'a str,
    pub now: Time,
}

/// Why an update is not possible.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainError {
    Transition(InvalidTransition),
    /// The current document doesn't allow the update. The text is the error message.
    Conflict(String),
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transition(transition) => transition.fmt(f),
            Self::Conflict(reason) => f.write_str(reason),
        }
    }
}

/// Merges the given fields, as most endpoints do.
pub fn merge_fields(
    _: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    Ok(Patch::merge(fields))
}

/// `_check_in`: a heartbeat of the connector service. Does not change the status.
pub fn check_in(
    _: &Connector,
    mut fields: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    fields.insert("last_seen".to_owned(), at.now.to_string().into());
    Ok(Patch::merge(fields))
}

/// `_configuration`: replaces all definitions, or sets values of existing ones. Both move the
/// connector to `configured` from any status.
pub fn configuration(
    before: &Connector,
    mut fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    if let Some(definitions) = fields.shift_remove("configuration") {
        let patch = Patch::default().replace("configuration", definitions);
        return Ok(patch.with_status(Status::Configured));
    }
    let Some(Value::Object(values)) = fields.shift_remove("values") else {
        return Ok(Patch::default());
    };
    let definitions = before.fields().get("configuration").and_then(Value::as_object);
    let is_defined = |name: &str| definitions.is_some_and(|all| all.contains_key(name));
    let unknown: Vec<&str> =
        values.keys().map(String::as_str).filter(|name| !is_defined(name)).collect();
    if !unknown.is_empty() {
        return Err(DomainError::Conflict(format!(
            "Unknown [configuration] fields in the request payload: [{}]. Remove them from \
             request or register their schema first.",
            unknown.join(", ")
        )));
    }
    let values = values.into_iter().map(|(name, value)| (name, json!({ "value": value })));
    let values = Value::Object(values.collect());
    let patch = Patch::merge(Fields::from_iter([("configuration".to_owned(), values)]));
    Ok(patch.with_status(Status::Configured))
}

/// `_error`: a message moves the connector to `error`; removing it, to `connected`.
pub fn error(_: &Connector, fields: Fields, _: ChangeContext<'_>) -> Result<Patch, DomainError> {
    let status = match text(&fields, "error") {
        None | Some("") => Status::Connected,
        Some(_) => Status::Error,
    };
    Ok(Patch::merge(fields).with_status(status))
}

/// `_index_name`: attaches the connector to an index, or detaches it.
pub fn index_name(
    before: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    match text(&fields, "index_name") {
        Some(name) if before.is_native() && !name.starts_with(NATIVE_INDEX_PREFIX) => {
            Err(DomainError::Conflict(format!(
                "Index attached to an Elastic-managed connector must start with the prefix: \
                 [{NATIVE_INDEX_PREFIX}]. The index name in the payload [{name}] doesn't comply \
                 with this requirement."
            )))
        }
        _ => Ok(Patch::merge(fields)),
    }
}

/// `_native`: whether Elastic manages the connector. A connected one has to connect again.
pub fn native(
    before: &Connector,
    fields: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let is_native = fields.get("is_native").and_then(Value::as_bool).unwrap_or(false);
    match before.index_name() {
        Some(name) if is_native && !name.starts_with(NATIVE_INDEX_PREFIX) => {
            Err(DomainError::Conflict(format!(
                "The index name [{name}] attached to the connector [{}] must start with the \
                 required prefix: [{NATIVE_INDEX_PREFIX}] to be Elastic-managed. Please update the \
                 attached index first to comply with this requirement.",
                at.id
            )))
        }
        _ => {
            let patch = Patch::merge(fields);
            Ok(match before.status() {
                Status::Connected => patch.with_status(Status::Configured),
                _ => patch,
            })
        }
    }
}

/// `_service_type`: another kind of source needs a new configuration.
pub fn service_type(
    before: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let patch = Patch::merge(fields);
    Ok(match before.status() {
        Status::Created => patch,
        _ => patch.with_status(Status::NeedsConfiguration),
    })
}

/// `_status`: the only endpoint that is bound to the transition table. Changes neither `error` nor
/// `last_seen`.
pub fn status(
    before: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let requested = text(&fields, "status").and_then(Status::parse);
    match requested.and_then(|to| before.status().explain(to)) {
        Some(transition) => Err(DomainError::Transition(transition)),
        None => Ok(Patch::merge(fields)),
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}
