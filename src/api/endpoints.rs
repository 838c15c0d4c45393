//! The updates: `PUT /_connector/{id}/<name>`, one declaration each.

use super::body::{Body, Null, Shape, Words, field};
use crate::connector::{self, Change, Fields, IndexName, NATIVE_INDEX_PREFIX};
use crate::status::Status;

/// One kind of update.
#[derive(Debug)]
pub struct Endpoint {
    /// Its path segment; also how the history calls it.
    pub name: &'static str,
    /// What its body holds; `None`: it must not have one.
    pub body: Option<Body>,
    /// Does it read the connector first? Then a soft-deleted one is not there, and the 404 is of
    /// another type.
    pub reads_first: bool,
    /// What is wrong with a body whose fields are all well-formed.
    pub problems: fn(&Fields) -> Vec<String>,
    /// What it does to the document.
    pub change: Change,
}

/// Every update.
pub static ALL: [Endpoint; 2] = [
    Endpoint {
        name: "_check_in",
        body: None,
        reads_first: false,
        problems: no_problems,
        change: connector::check_in,
    },
    Endpoint {
        name: "_status",
        body: Some(Body {
            name: "connector_update_status_request",
            fields: &[field("status", Shape::Word(&STATUS))],
        }),
        reads_first: true,
        problems: |fields| needs(fields, "status", "[status] cannot be [null]."),
        change: connector::status,
    },
];

/// The body of a creation.
pub const CREATION: Body = Body {
    name: "connector_put_request",
    fields: &[
        field("description", Shape::Text),
        field("index_name", Shape::Text).null(Null::Dropped),
        field("is_native", Shape::Boolean),
        field("language", Shape::Text),
        field("name", Shape::Text),
        field("service_type", Shape::Text),
    ],
};

/// What is wrong with a creation whose fields are all well-formed.
pub fn creation_problems(creation: &connector::Creation) -> Vec<String> {
    let Some(name) = &creation.index_name else { return Vec::new() };
    match IndexName::parse(name) {
        Err(problem) => vec![problem],
        Ok(index) if creation.is_native && !index.may_be_native() => vec![format!(
            "Index [{name}] is invalid. Index attached to an Elastic-managed connector must start \
             with the prefix: [{NATIVE_INDEX_PREFIX}]"
        )],
        Ok(_) => Vec::new(),
    }
}

const STATUS: Words = Words {
    all: || Status::ALL.map(Status::name).to_vec(),
    unknown: |given| format!("Unknown ConnectorStatus: {given}"),
};

fn no_problems(_: &Fields) -> Vec<String> {
    Vec::new()
}

fn needs(fields: &Fields, name: &str, otherwise: &str) -> Vec<String> {
    if fields.contains_key(name) { Vec::new() } else { vec![otherwise.to_owned()] }
}
