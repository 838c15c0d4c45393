//! Scrolling. The scroll id holds the whole search and the position, so nothing is stored. Unlike in
//! Elasticsearch, each page shows the documents at the time of its request, not at the start of the scroll.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};

use super::search::{Search, View, read_search};
use super::{DocumentRoute, WITHOUT_EFFECT};
use crate::api::error::{ApiError, Cause};
use crate::api::query::{Query, decode};
use crate::api::read::check_body_type;
use crate::api::response::Response;
use crate::api::route::{EdgeRoute, Route, route};
use crate::api::schema::read_json;
use crate::api::{Call, Request};
use crate::limits::SCROLL_BYTES;
use crate::values::json::parse_array;

/// Prefix of our scroll ids. A cluster's contain no dot.
pub const SCROLL_PREFIX: &str = "cs.";

/// The search request that a scroll id is made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scroll {
    target: String,
    body: String,
}

impl Scroll {
    /// Rejects a search that is too long for an id, with 400.
    pub fn of(request: &Request) -> Result<Self, ApiError> {
        let Request { target, body, .. } = request;
        let length = target.len() + body.len();
        if length > SCROLL_BYTES {
            let reason = format!(
                "a search that scrolls must be no longer than [{SCROLL_BYTES}] bytes but was [{length}]"
            );
            return Err(Cause::illegal_argument(reason).into());
        }
        Ok(Self { target: target.clone(), body: body.clone() })
    }

    /// The id of the page that starts at hit `from`.
    pub fn id(&self, from: usize) -> String {
        let content = Value::from(vec![
            Value::from(self.target.as_str()),
            self.body.as_str().into(),
            from.to_string().into(),
        ]);
        let content = Base64UrlUnpadded::encode_string(content.to_string().as_bytes());
        format!("{SCROLL_PREFIX}{content}")
    }
}

/// `GET`, `POST /_search/scroll`: the next page.
pub(in crate::api) fn read_scroll(
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    let ids = scroll_ids(request, path, query)?;
    match ids.as_slice() {
        [id] => match search_of(id) {
            Some(search) => Ok(Call::Search(Box::new(search))),
            None => Err(unknown(id)),
        },
        _ => {
            let reason = "Validation Failed: 1: scrollId is missing;";
            Err(Cause::new("action_request_validation_exception", reason).into())
        }
    }
}

/// `DELETE /_search/scroll`: nothing is stored, so there is nothing to free.
pub(in crate::api) fn read_end_of_scroll(
    request: &Request,
    path: &str,
    query: &mut Query,
) -> Result<Call, ApiError> {
    let ids = scroll_ids(request, path, query)?;
    let body = json!({ "succeeded": true, "num_freed": ids.len() });
    Ok(Call::Static(Response::json(200, &body)))
}

/// The scroll ids in the path, the query and the body.
fn scroll_ids(request: &Request, path: &str, query: &mut Query) -> Result<Vec<String>, ApiError> {
    query.text("scroll");
    query.text("rest_total_hits_as_int");
    let mut ids = query.list("scroll_id");
    if let Some(id) = path.trim_end_matches('/').strip_prefix("/_search/scroll/") {
        ids.push(decode(id)?);
    }
    if !request.body.is_empty() {
        check_body_type(request)?;
        let body = read_json(&request.body)?;
        match body.get("scroll_id") {
            Some(Value::String(id)) => ids.push(id.clone()),
            Some(Value::Array(list)) => {
                ids.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {}
        }
    }
    Ok(ids)
}

fn unknown(id: &str) -> ApiError {
    let start: String = id.chars().take(40).collect();
    let reason = format!("[{start}] is not a scroll id: a search with [scroll] returns one");
    Cause::illegal_argument(reason).into()
}

fn search_of(id: &str) -> Option<Search> {
    let content = Base64UrlUnpadded::decode_vec(id.strip_prefix(SCROLL_PREFIX)?).ok()?;
    let [target, body, from] =
        parse_array(&String::from_utf8(content).ok()?).ok()?.try_into().ok()?;
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    let (target, body) = (text(target)?, text(body)?);
    let Ok(Route::Edge(EdgeRoute::Documents(index, DocumentRoute::Search))) =
        route("POST", &target)
    else {
        return None;
    };
    let mut query = Query::parse(target.split_once('?').map_or("", |(_, query)| query)).ok()?;
    for name in WITHOUT_EFFECT {
        query.text(name);
    }
    let json = Some("application/json".to_owned());
    let request = Request {
        method: "POST".to_owned(),
        target,
        body,
        content_type: json,
        ..Request::default()
    };
    let mut search = read_search(index, View::Hits, &request, &mut query).ok()?;
    search.from = text(from)?.parse().ok()?;
    Some(search)
}
