//! Runs the core in the page, to show how the Worker would respond.

use serde::Serialize;
use serde_json::Value;
use wasm_bindgen::prelude::*;

use crate::api::{
    self, ApiError, Call, Current, Index, Operation, Precondition, Request, Response,
};
use crate::connector::{Connector, Fields};
use crate::secrets::Secrets;
use crate::status::{InvalidTransition, Mover, Status};
use crate::sync_job::{self, SyncJobStatus};
use crate::values::{Time, json as text};

/// The Worker's response to a request, and the connector afterwards. Documents cross the boundary as
/// text, because JavaScript numbers would lose digits.
#[derive(Serialize)]
struct Preview {
    status: u16,
    /// The body as JSON; `None` if there is none.
    body: Option<String>,
    /// The document as JSON; `None` if there is no connector.
    connector: Option<String>,
}

/// Returns a [`Preview`] of a request at the time `now`, in milliseconds since 1970. `connector` is the
/// current document as JSON: a text can't be cyclic, and its depth is limited as in the Worker. `target`
/// is path and query; `body` is empty if there is none.
///
/// # Errors
/// If `connector` is not a connector document, or the request is not about that connector.
#[wasm_bindgen]
pub fn preview(
    connector: Option<String>,
    method: String,
    target: String,
    body: String,
    now: f64,
) -> Result<JsValue, JsError> {
    let content_type = Some("application/json".to_owned());
    let request = Request { method, target, body, content_type, ..Request::default() };
    // Rounds down, and makes negative numbers and NaN 0.
    let now = Time::from_millis(now as u64);
    let preview = preview_response(connector.as_deref(), &request, now)
        .map_err(|problem| JsError::new(&problem))?;
    to_js(&preview)
}

fn preview_response(
    document: Option<&str>,
    request: &Request,
    now: Time,
) -> Result<Preview, String> {
    let (given_id, before) = document
        .map(parse)
        .transpose()
        .map_err(|problem| format!("this is not a connector document: {problem}"))?
        .unzip();
    let given_id = given_id.flatten();
    let (format, call) = api::read_about_connectors(request);
    let mut id = given_id.clone();
    let mut after = before.clone();
    let result = match call {
        Err(error) => Err(error),
        Ok(Some(Call::Info)) => Ok(api::info(api::ELASTICSEARCH_VERSION)),
        Ok(Some(Call::Options(allow))) => {
            Ok(Response { allow: Some(allow), ..Response::empty(200) })
        }
        Ok(Some(Call::Connector(requested, operation))) => {
            if let Some(given) = given_id.filter(|given| *given != requested) {
                return Err(format!(
                    "the request is about connector [{requested}], but the given connector is {given}"
                ));
            }
            let result = execute(&requested, operation, before, now);
            id = Some(requested.into());
            result.map(|(response, connector)| {
                after = connector;
                response
            })
        }
        Ok(_) => {
            let Request { method, target, .. } = request;
            return Err(format!(
                "[{method} {target}] is not about one connector: only requests to /_connector/{{id}} and \
                 below can be previewed"
            ));
        }
    };
    let Response { status, body, .. } = format.result(result);
    let body = Some(body).filter(|body| !body.is_empty());
    let connector = after.map(|connector| {
        let id = id.map(|id| ("id".to_owned(), id));
        let fields: Fields = id.into_iter().chain(connector.fields().clone()).collect();
        Value::from(fields).to_string()
    });
    Ok(Preview { status, body, connector })
}

/// The connector, and the id if the document has one.
fn parse(document: &str) -> Result<(Option<Value>, Connector), String> {
    let fields = text::parse_object(document)?;
    let id = fields.get("id").cloned();
    Connector::from_fields(fields).map(|connector| (id, connector))
}

fn json(connector: &Connector) -> Result<String, ApiError> {
    connector.to_json().map_err(|_| ApiError::internal())
}

fn execute(
    id: &str,
    operation: Operation,
    before: Option<Connector>,
    now: Time,
) -> Result<(Response, Option<Connector>), ApiError> {
    match operation {
        Operation::Write(write) => {
            // The page doesn't know the version, so it can't check preconditions.
            let current = before.as_ref().map(|document| Current {
                document,
                version: 0,
                recent_values: None,
            });
            let written = api::decide(id, &write, &Precondition::default(), current, now)?;
            Ok((written.response, written.commit.apply(before)))
        }
        Operation::Get { include_deleted, .. } => {
            let json = before.as_ref().map(json).transpose()?;
            let found = json.zip(before);
            let shown =
                found.as_ref().map(|(json, connector)| (connector, Secrets::Shown.visible(json)));
            let response = api::show(id, include_deleted, shown)?;
            Ok((response, found.map(|(_, connector)| connector)))
        }
        Operation::Document => {
            let json = before.as_ref().map(json).transpose()?;
            let found = json.as_deref().map(|json| (1, Secrets::Shown.visible(json)));
            Ok((api::show_document(Index::Connectors, id, found), before))
        }
        // The page doesn't have the history.
        Operation::Status { .. } => {
            let existing = before.as_ref().filter(|connector| !connector.is_deleted());
            let existing = existing.ok_or_else(|| ApiError::not_found(id))?;
            let response = api::status_view(id, existing, None, Vec::new(), None);
            Ok((response, before))
        }
    }
}

#[derive(Serialize)]
struct Rules {
    connectors: Table,
    sync_jobs: Table,
}

#[derive(Serialize)]
struct Table {
    statuses: Vec<Rule>,
    /// The error message without its two statuses.
    sentence: [&'static str; 3],
}

#[derive(Serialize)]
struct Rule {
    status: &'static str,
    next: Vec<&'static str>,
    who: &'static str,
    when: &'static str,
}

/// The transition tables as data, for the build of the npm package.
#[wasm_bindgen]
pub fn rules() -> Result<JsValue, JsError> {
    let rule = |status, next, Mover { who, when }: Mover| Rule { status, next, who, when };
    let around = |[before, _, between, _, after]: [&'static str; 5]| [before, between, after];
    let connectors = Status::ALL.map(|status| {
        let next = status.next().iter().map(|next| next.name()).collect();
        rule(status.name(), next, status.mover())
    });
    let example = InvalidTransition { from: Status::Created, to: Status::Connected };
    let sync_jobs = SyncJobStatus::ALL.map(|status| {
        let next = status.next().iter().map(|next| next.name()).collect();
        rule(status.name(), next, status.mover())
    });
    let job_example =
        sync_job::InvalidTransition { from: SyncJobStatus::Pending, to: SyncJobStatus::Error };
    to_js(&Rules {
        connectors: Table { statuses: connectors.into(), sentence: around(example.sentence()) },
        sync_jobs: Table { statuses: sync_jobs.into(), sentence: around(job_example.sentence()) },
    })
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    Ok(serde_wasm_bindgen::to_value(value)?)
}
