//! What each update does to a connector. Most take the fields as they were given.

use std::fmt;

use serde_json::{Value, json};

use super::{Connector, Fields, Patch};
use crate::status::{InvalidTransition, Status};
use crate::values::{NATIVE_INDEX_PREFIX, Time};

/// What a change to one connector asks for: computes, from the connector as it is and the fields of
/// the request, what shall be different.
pub type Change = fn(&Connector, Fields, ChangeContext<'_>) -> Result<Patch, DomainError>;

/// Which connector a change is about, and when it happens.
#[derive(Clone, Copy, Debug)]
pub struct ChangeContext<'a> {
    /// The connector's id.
    pub id: &'a str,
    /// The time.
    pub now: Time,
}

/// Why a connector cannot be changed as asked.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainError {
    /// The Connector Protocol has no such transition.
    Transition(InvalidTransition),
    /// The change does not fit the connector as it is now; says why.
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

/// Takes the fields as they were given.
pub fn merge_fields(
    _: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    Ok(Patch::merging(fields))
}

/// `_check_in`: the connector service is alive. Status is not touched.
pub fn check_in(
    _: &Connector,
    mut fields: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    fields.insert("last_seen".to_owned(), at.now.to_string().into());
    Ok(Patch::merging(fields))
}

/// `_configuration`: either all definitions anew, or values for definitions that are there. Both
/// configure the connector, whatever its status was.
///
/// # Errors
/// [`DomainError::Conflict`] for values that have no definition.
pub fn configuration(
    before: &Connector,
    mut fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    if let Some(definitions) = fields.shift_remove("configuration") {
        let patch = Patch::default().replacing("configuration", definitions);
        return Ok(patch.with_status(Status::Configured));
    }
    let Some(Value::Object(values)) = fields.shift_remove("values") else {
        return Ok(Patch::default());
    };
    let defined = before.fields().get("configuration").and_then(Value::as_object);
    let is_defined = |name: &str| defined.is_some_and(|defined| defined.contains_key(name));
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
    let patch = Patch::merging(Fields::from_iter([("configuration".to_owned(), values)]));
    Ok(patch.with_status(Status::Configured))
}

/// `_error`: a text moves the connector to `error`, its removal to `connected`.
pub fn error(_: &Connector, fields: Fields, _: ChangeContext<'_>) -> Result<Patch, DomainError> {
    let status = match text(&fields, "error") {
        None | Some("") => Status::Connected,
        Some(_) => Status::Error,
    };
    Ok(Patch::merging(fields).with_status(status))
}

/// `_index_name`: attaches the connector to an index, or detaches it.
///
/// # Errors
/// [`DomainError::Conflict`] if Elastic manages the connector and the index is none of Elastic's.
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
        _ => Ok(Patch::merging(fields)),
    }
}

/// `_native`: who manages the connector. One that was connected has to connect again.
///
/// # Errors
/// [`DomainError::Conflict`] if Elastic is to manage it and its index is none of Elastic's.
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
            let patch = Patch::merging(fields);
            Ok(match before.status() {
                Status::Connected => patch.with_status(Status::Configured),
                _ => patch,
            })
        }
    }
}

/// `_service_type`: another kind of source needs another configuration.
pub fn service_type(
    before: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let patch = Patch::merging(fields);
    Ok(match before.status() {
        Status::Created => patch,
        _ => patch.with_status(Status::NeedsConfiguration),
    })
}

/// `_status`: along the table, and nowhere else. Neither `error` nor `last_seen` is touched.
///
/// # Errors
/// [`DomainError::Transition`] where the table has no such move.
pub fn status(
    before: &Connector,
    fields: Fields,
    _: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let asked = text(&fields, "status").and_then(Status::parse);
    match asked.and_then(|to| before.status().explain(to)) {
        Some(transition) => Err(DomainError::Transition(transition)),
        None => Ok(Patch::merging(fields)),
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str)
}
