//! The directory: lists of connectors, from Workers KV.
//!
//! Keys and metadata are enough to filter and sort; documents are read for the page that is shown,
//! and for rows whose metadata does not say what the filter asks for.

use std::time::Duration;

use js_sys::{Array, Map};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, console_error};

use super::runtime::{JsError, describe, from_json, to_text};
use super::task::{wait, within};
use super::{kv, kv_key};
use crate::api::{ApiError, List, Response};
use crate::connector::{Connector, with_id};
use crate::directory::{Entry, Filter, order};

/// Workers KV gives at most this many values at once.
const BATCH: usize = 100;
const PREFIX: &str = "c:";
/// A list that takes longer is given up.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// One connector, as far as the directory knows it.
struct Row {
    id: String,
    entry: Entry,
    document: Option<String>,
}

/// A page of the list.
///
/// # Errors
/// 503 if Workers KV does not answer.
pub(super) async fn list(env: &Env, list: List) -> Result<Response, ApiError> {
    let page = within(TIME_LIMIT, page(env.clone(), list)).await;
    page.unwrap_or_else(|| Err("it takes too long".into())).map_err(|thrown| {
        console_error!("the directory cannot be read: {}", describe(&thrown));
        ApiError::unavailable("Workers KV")
    })
}

async fn page(env: Env, list: List) -> Result<Response, JsError> {
    let mut rows = rows(&env, &list.filter).await?;
    rows.retain(|row| list.filter.matches(&row.entry));
    rows.sort_unstable_by(|a, b| order((&a.id, &a.entry), (&b.id, &b.entry)));
    let count = rows.len();
    let shown: Vec<Row> = rows.into_iter().skip(list.from).take(list.size).collect();
    let missing = shown.iter().filter(|row| row.document.is_none()).map(|row| row.id.clone());
    let mut read = read(&env, missing.collect()).await?.into_iter().peekable();
    let results: Vec<String> = shown
        .into_iter()
        .filter_map(|row| {
            let document = match row.document {
                Some(document) => document,
                None => read.next_if(|(id, _)| *id == row.id)?.1,
            };
            Some(with_id(&row.id, &document))
        })
        .collect();
    Ok(Response::text(200, format!("{{\"count\":{count},\"results\":[{}]}}", results.join(","))))
}

/// The ids of the connectors that have an index.
///
/// # Errors
/// If Workers KV does not answer.
pub(super) async fn holders(env: Env, index: String) -> Result<Vec<String>, JsError> {
    let filter = Filter { index_names: vec![index], ..Filter::default() };
    let rows = rows(&env, &filter).await?;
    Ok(rows.into_iter().filter(|row| filter.matches(&row.entry)).map(|row| row.id).collect())
}

/// Every connector, with what the filter needs to know of it.
async fn rows(env: &Env, filter: &Filter) -> Result<Vec<Row>, JsError> {
    let mut rows = Vec::new();
    let mut unknown = Vec::new();
    for (id, entry) in keys(env).await? {
        if !filter.covers(&id) {
            continue;
        }
        match entry {
            Some(entry) if !filter.needs_document(&entry) => {
                rows.push(Row { id, entry, document: None });
            }
            _ => unknown.push(id),
        }
    }
    for (id, document) in read(env, unknown).await? {
        match Connector::from_json(&document) {
            Ok(connector) => rows.push(Row {
                id,
                entry: Entry::of(&connector),
                document: Some(connector.to_json()),
            }),
            Err(problem) => console_error!("KV key [{}] is no connector: {problem}", kv_key(&id)),
        }
    }
    Ok(rows)
}

/// A page of what Workers KV lists.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    keys: Vec<Key<'a>>,
    list_complete: bool,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Key<'a> {
    name: String,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

/// The ids of all connectors, each with its metadata if it has any.
async fn keys(env: &Env) -> Result<Vec<(String, Option<Entry>)>, JsError> {
    let kv = kv(env)?;
    let mut ids = Vec::new();
    let mut options = json!({ "prefix": PREFIX });
    loop {
        let text = to_text(&wait(kv.list(&from_json(&options)?)).await?)?;
        let page: Page<'_> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        ids.extend(page.keys.iter().filter_map(|key| {
            let id = key.name.strip_prefix(PREFIX)?.to_owned();
            Some((id, key.metadata.and_then(|json| Entry::from_metadata(json.get()))))
        }));
        match page.cursor {
            Some(cursor) if !page.list_complete => {
                options = json!({ "prefix": PREFIX, "cursor": cursor });
            }
            _ => return Ok(ids),
        }
    }
}

/// The documents of those connectors that are still there, in the order of `ids`.
async fn read(env: &Env, ids: Vec<String>) -> Result<Vec<(String, String)>, JsError> {
    let kv = kv(env)?;
    let mut documents = Vec::with_capacity(ids.len());
    for batch in ids.chunks(BATCH) {
        let keys: Array = batch.iter().map(|id| JsValue::from(kv_key(id))).collect();
        let found: Map = wait(kv.get_all(&keys)).await?.unchecked_into();
        for (id, key) in batch.iter().zip(keys.iter()) {
            if let Some(document) = found.get(&key).as_string() {
                documents.push((id.clone(), document));
            }
        }
    }
    Ok(documents)
}
