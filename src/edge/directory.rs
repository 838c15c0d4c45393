//! The directory: lists of connectors, from Workers KV.
//!
//! Keys and metadata are enough to filter and sort; documents are read for the page that is shown,
//! and for rows whose metadata does not say what the filter asks for.

use std::collections::HashMap;

use worker::{Env, console_error};

use super::{kv, kv_key};
use crate::api::{Answer, Failure, List};
use crate::connector::{Connector, Entry, Filter, order, with_id};

/// Workers KV gives at most this many values at once.
const BATCH: usize = 100;
const PREFIX: &str = "c:";

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
pub(super) async fn list(env: &Env, list: List) -> Result<Answer, Failure> {
    page(env, list).await.map_err(|error| {
        console_error!("the directory cannot be read: {error}");
        Failure::unavailable("Workers KV")
    })
}

async fn page(env: &Env, list: List) -> worker::Result<Answer> {
    let mut rows = rows(env, &list.filter).await?;
    rows.retain(|row| list.filter.lets_through(&row.entry));
    rows.sort_by(|a, b| order((&a.id, &a.entry), (&b.id, &b.entry)));
    let count = rows.len();
    let mut shown: Vec<Row> = rows.into_iter().skip(list.from).take(list.size).collect();
    let missing = shown.iter().filter(|row| row.document.is_none()).map(|row| row.id.clone());
    let mut documents = read(env, missing.collect()).await?;
    let results: Vec<String> = shown
        .iter_mut()
        .filter_map(|row| {
            let document = row.document.take().or_else(|| documents.remove(&row.id))?;
            Some(with_id(&row.id, &document))
        })
        .collect();
    Ok(Answer::text(200, format!("{{\"count\":{count},\"results\":[{}]}}", results.join(","))))
}

/// The ids of the connectors that have an index.
///
/// # Errors
/// If Workers KV does not answer.
pub(super) async fn holders(env: &Env, index: &str) -> worker::Result<Vec<String>> {
    let filter = Filter { index_names: vec![index.to_owned()], ..Filter::default() };
    let rows = rows(env, &filter).await?;
    Ok(rows.into_iter().filter(|row| filter.lets_through(&row.entry)).map(|row| row.id).collect())
}

/// Every connector, with what the filter needs to know of it.
async fn rows(env: &Env, filter: &Filter) -> worker::Result<Vec<Row>> {
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

/// The ids of all connectors, each with its metadata if it has any.
async fn keys(env: &Env) -> worker::Result<Vec<(String, Option<Entry>)>> {
    let kv = kv(env)?;
    let mut keys = Vec::new();
    let mut cursor = None;
    loop {
        let mut list = kv.list().prefix(PREFIX.to_owned());
        if let Some(cursor) = cursor.take() {
            list = list.cursor(cursor);
        }
        let page = list.execute().await?;
        keys.extend(page.keys.into_iter().filter_map(|key| {
            let id = key.name.strip_prefix(PREFIX)?.to_owned();
            Some((id, key.metadata.and_then(|metadata| serde_json::from_value(metadata).ok())))
        }));
        cursor = page.cursor;
        if page.list_complete || cursor.is_none() {
            return Ok(keys);
        }
    }
}

/// The documents of those connectors that are still there.
async fn read(env: &Env, ids: Vec<String>) -> worker::Result<HashMap<String, String>> {
    let kv = kv(env)?;
    let mut documents = HashMap::with_capacity(ids.len());
    for batch in ids.chunks(BATCH) {
        let keys: Vec<String> = batch.iter().map(|id| kv_key(id)).collect();
        let mut found = kv.get_bulk(&keys).text().await?;
        for (id, key) in batch.iter().zip(&keys) {
            if let Some(document) = found.remove(key).flatten() {
                documents.insert(id.clone(), document);
            }
        }
    }
    Ok(documents)
}
