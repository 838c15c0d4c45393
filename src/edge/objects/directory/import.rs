//! Imports documents from Workers KV: all of them before the first list ever, new ones by scanning the keys,
//! at most every five minutes while lists are requested.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use worker::console_error;

use super::Directory;
use crate::api;
use crate::connector::Connector;
use crate::directory::{Entry, document_beside_entry};
use crate::edge::runtime::{JsError, Kv, SqlValue, describe, now_millis, sleep, timeout};
use crate::edge::{KV, KV_PREFIX, kv_key};
use crate::limits::DOCUMENT_BYTES;
use crate::protocol::directory::Outcome;
use crate::protocol::scans;
use crate::values::json;

/// How long the first list waits for the first scan.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for each operation of Workers KV.
const KV_TIMEOUT: Duration = Duration::from_secs(5);
/// How many documents are imported in one transaction.
const BATCH: usize = 100;
/// How often a waiting request checks whether the scan has ended.
const POLL: Duration = Duration::from_millis(20);

/// When Workers KV was last scanned.
#[derive(Default)]
pub(super) struct ScanState {
    /// Start of the last scan, in milliseconds since 1970; 0: never.
    pub at: Cell<u64>,
    running: Cell<bool>,
}

impl Directory {
    /// Waits for the first scan; later ones run in the background when they are due.
    ///
    /// # Errors
    /// If the first scan fails or takes too long.
    pub(super) async fn ensure_imported(self: &Rc<Self>) -> Result<(), JsError> {
        let plan =
            scans::plan(self.scan_state.at.get(), self.scan_state.running.get(), now_millis());
        if plan.starts_scan {
            self.start_scan();
        }
        if !plan.waits_for_scan {
            return Ok(());
        }
        let ended = timeout(TIMEOUT, async {
            while self.scan_state.running.get() {
                sleep(POLL).await;
            }
        });
        match (ended.await, self.scan_state.at.get()) {
            (Some(()), 1..) => Ok(()),
            (Some(()), 0) => Err("Workers KV cannot be scanned".into()),
            (None, _) => Err("the import from Workers KV is still running".into()),
        }
    }

    /// Scans in the background.
    fn start_scan(self: &Rc<Self>) {
        self.scan_state.running.set(true);
        let this = self.clone();
        self.state.wait_until(async move {
            if let Err(thrown) = this.scan_kv().await {
                console_error!("Workers KV cannot be scanned: {}", describe(&thrown));
            }
            this.scan_state.running.set(false);
        });
    }

    pub(super) async fn scan_kv(&self) -> Result<ImportResult, JsError> {
        let begun = now_millis();
        let mut result = ImportResult::default();
        let kv = Kv::of(&self.env, KV)?;
        let mut cursor = None;
        loop {
            let page = with_kv_timeout(kv.list(KV_PREFIX, cursor.as_deref())).await?;
            let ids = page.names.iter().filter_map(|name| name.strip_prefix(KV_PREFIX));
            let keys: Vec<String> = self.unknown(ids)?.iter().map(|id| kv_key(id)).collect();
            let documents = with_kv_timeout(kv.get_all(&keys)).await?;
            for batch in documents.chunks(BATCH) {
                self.import(batch, &mut result)?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        self.set("looked_at", begun)?;
        self.scan_state.at.set(begun);
        Ok(result)
    }

    /// The ids that have no entry yet.
    fn unknown<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<Vec<String>, JsError> {
        let ids: Vec<&str> = ids.collect();
        let sql = "SELECT json_group_array(value) FROM json_each(?) \
                   WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.id = value)";
        let ids = json::to_text(&ids)?;
        Ok(self.store.json(sql, &[ids.into()])?.unwrap_or_default())
    }

    fn import(
        &self,
        documents: &[(String, String)],
        result: &mut ImportResult,
    ) -> Result<(), JsError> {
        let mut connectors = Vec::new();
        for (key, document) in documents {
            let id = key.strip_prefix(KV_PREFIX).unwrap_or_default();
            // No request could address it, so no backup could read it.
            if let Some(problem) = api::id_problem(id) {
                result.skip(id, &format!("its id cannot be used: {problem}"));
                continue;
            }
            if document.len() > DOCUMENT_BYTES {
                result.skip(id, &format!("it is longer than [{DOCUMENT_BYTES}] bytes"));
                continue;
            }
            match Connector::from_json(document) {
                Ok(connector) => connectors.push((id, connector)),
                Err(problem) => result.skip(id, &format!("it is no connector: {problem}")),
            }
        }
        let entries: Vec<Entry<'_>> =
            connectors.iter().map(|(id, connector)| Entry::of(id, 0, None, connector)).collect();
        let documents = connectors.iter().map(|(_, connector)| document_beside_entry(connector));
        let documents = entries.iter().zip(documents);
        let documents = documents.map(|(entry, json)| Ok((entry, Some(SqlValue::from(json?)))));
        let documents = documents.collect::<Result<Vec<_>, JsError>>()?;
        let seq = self.next_seq()?;
        let outcomes = self.store.take(&documents, seq)?;
        self.count_cache.clear();
        self.silence_cache.clear();
        for (entry, outcome) in entries.iter().zip(outcomes) {
            if outcome == Outcome::IndexInUse {
                let index = entry.index_name.as_deref().unwrap_or_default();
                let why = format!("its index [{index}] is used by another connector");
                result.skip(&entry.id, &why);
                continue;
            }
            if outcome == Outcome::Taken {
                self.live.notify(entry, seq, true);
            }
            result.taken += 1;
        }
        Ok(())
    }
}

async fn with_kv_timeout<T>(asked: impl Future<Output = Result<T, JsError>>) -> Result<T, JsError> {
    timeout(KV_TIMEOUT, asked).await.ok_or("Workers KV does not answer")?
}

/// The result of an import.
#[derive(Default)]
pub(super) struct ImportResult {
    /// How many documents were imported.
    pub taken: usize,
    /// The ids that were skipped, and why.
    pub skipped: Vec<(String, String)>,
}

impl ImportResult {
    fn skip(&mut self, id: &str, why: &str) {
        console_error!("KV key [{}] is not imported: {why}", kv_key(id));
        self.skipped.push((id.to_owned(), why.to_owned()));
    }
}
