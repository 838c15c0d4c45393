//! What would the edge answer? The core itself, asked in the page.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

use crate::api::{self, Answer, Call, Failure, Info, Operation, Request};
use crate::connector::{Connector, Fields, Time};
use crate::status::{InvalidTransition, Status};

/// What would come of a request.
#[derive(Serialize)]
struct Preview {
    /// The HTTP status.
    status: u16,
    /// The body; `None` if there is none.
    body: Option<Value>,
    /// The connector as it would be; `None` if there would be none.
    connector: Option<Fields>,
}

/// What the edge would answer to a request at the time `now`, in milliseconds since 1970, and what
/// would become of the connector. `connector` is the document as it is, or nothing.
///
/// # Errors
/// If `connector` is no connector document, or the request is not about that connector.
#[wasm_bindgen]
pub fn preview(connector: JsValue, request: JsValue, now: f64) -> Result<JsValue, JsError> {
    let connector = from_js::<Option<Fields>>("connector", connector)?;
    let request = from_js::<Request>("request", request)?;
    // Milliseconds are whole and positive; `as` makes them so.
    let now = Time::from_millis(now as u64);
    let preview = foresee(connector, &request, now).map_err(|problem| JsError::new(&problem))?;
    to_js(&preview)
}

fn foresee(connector: Option<Fields>, request: &Request, now: Time) -> Result<Preview, String> {
    let given_id = connector.as_ref().and_then(|fields| fields.get("id")).cloned();
    let before = connector
        .map(Connector::from_fields)
        .transpose()
        .map_err(|problem| format!("the connector makes no sense: {problem}"))?;
    let (format, call) = api::read(request);
    let mut id = given_id.clone();
    let mut after = before.clone();
    let result = match call {
        Err(failure) => Err(failure),
        Ok(Call::Info) => Ok(Info::answer()),
        Ok(Call::Options(allow)) => Ok(Answer { allow: Some(allow), ..Answer::empty(200) }),
        Ok(Call::List(_) | Call::CreateAnywhere(_)) => {
            let Request { method, target, .. } = request;
            return Err(format!("[{method} {target}] is not about one connector with a known id"));
        }
        Ok(Call::One(asked, operation)) => {
            if let Some(given) = given_id.filter(|given| *given != asked) {
                return Err(format!("the request is about [{asked}], the connector is {given}"));
            }
            let result = carry_out(&asked, operation, before, now);
            id = Some(asked.into());
            result.map(|(answer, connector)| {
                after = connector;
                answer
            })
        }
    };
    let Answer { status, body, .. } = format.result(result);
    Ok(Preview {
        status,
        body: serde_json::from_str(&body).ok(),
        connector: after.map(|connector| {
            let id = id.map(|id| ("id".to_owned(), id));
            id.into_iter().chain(connector.fields().clone()).collect()
        }),
    })
}

/// The answer, and the connector afterwards.
fn carry_out(
    id: &str,
    operation: Operation,
    before: Option<Connector>,
    now: Time,
) -> Result<(Answer, Option<Connector>), Failure> {
    match operation {
        Operation::Write(write) => {
            let written = api::perform(id, write, before.as_ref(), now)?;
            Ok((written.answer, written.commit.apply(before)))
        }
        Operation::Get { include_deleted } => {
            let found = before.map(|connector| (connector.to_json(), connector));
            let shown = found.as_ref().map(|(json, connector)| (connector, json.as_str()));
            let answer = api::show(id, include_deleted, shown)?;
            Ok((answer, found.map(|(_, connector)| connector)))
        }
        // Nobody here knows how the connector came to its status.
        Operation::Status { .. } => {
            let alive = before.as_ref().filter(|connector| !connector.is_deleted());
            let answer = api::status_view(id, alive.ok_or_else(|| Failure::not_found(id))?, &[]);
            Ok((answer, before))
        }
    }
}

/// The transition table as data: the pure-JavaScript check is generated from it.
#[derive(Serialize)]
struct Rule {
    status: &'static str,
    next: Vec<&'static str>,
    who: &'static str,
    when: &'static str,
}

#[derive(Serialize)]
struct Rules {
    statuses: Vec<Rule>,
    /// The pieces of the sentence that refuses a transition; `null` where the statuses go.
    sentence: Vec<Option<&'static str>>,
}

/// All that is to be known about transitions, for the package's build.
///
/// # Errors
/// None.
#[wasm_bindgen]
pub fn rules() -> Result<JsValue, JsError> {
    let rule = |status: Status| {
        let mover = status.mover();
        let next = status.next().iter().map(|next| next.name()).collect();
        Rule { status: status.name(), next, who: mover.who, when: mover.when }
    };
    let [before, _, between, _, after] =
        InvalidTransition { from: Status::Created, to: Status::Connected }.sentence();
    to_js(&Rules {
        statuses: Status::ALL.map(rule).into(),
        sentence: vec![Some(before), None, Some(between), None, Some(after)],
    })
}

fn from_js<T: DeserializeOwned>(what: &str, value: JsValue) -> Result<T, JsError> {
    serde_wasm_bindgen::from_value(value)
        .map_err(|error| JsError::new(&format!("the {what} makes no sense: {error}")))
}

/// Objects, not Maps.
fn to_js(value: &impl Serialize) -> Result<JsValue, JsError> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}
