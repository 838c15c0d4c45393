//! Documents that were put into Workers KV are taken up: all of them before the first list ever, new
//! ones by a look at the keys, at most every five minutes while somebody lists.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::console_error;

use super::Directory;
use crate::api;
use crate::connector::Connector;
use crate::directory::{Entry, sort_key};
use crate::document::Document;
use crate::edge::runtime::{JsError, Kv, describe, now_millis, sleep, timeout};
use crate::edge::{KV, KV_PREFIX, kv_key};

/// How long apart two looks are.
const GAP_MS: u64 = 5 * 60_000;
/// The first list waits this long for the first look.
const LIMIT: Duration = Duration::from_secs(10);
/// How long to wait for Workers KV, each time.
const KV_LIMIT: Duration = Duration::from_secs(5);
/// So many documents are taken up at once.
const BATCH: usize = 100;
/// How often who waits for a look finds out whether it has ended.
const POLL: Duration = Duration::from_millis(20);

/// When Workers KV was looked at.
#[derive(Default)]
pub(super) struct Look {
    /// The last time, in milliseconds since 1970; 0: never yet.
    pub at: Cell<u64>,
    running: Cell<bool>,
}

impl Directory {
    /// Sees to it that there was a first look, and that the last is not too long ago.
    ///
    /// # Errors
    /// If the first look fails or takes too long.
    pub(super) async fn take_up(self: &Rc<Self>) -> Result<(), JsError> {
        let is_first = self.look.at.get() == 0;
        let is_due = now_millis().saturating_sub(self.look.at.get()) > GAP_MS;
        if is_due && !self.look.running.replace(true) {
            let this = self.clone();
            self.state.wait_until(async move {
                if let Err(thrown) = this.look().await {
                    console_error!("Workers KV cannot be looked at: {}", describe(&thrown));
                }
                this.look.running.set(false);
            });
        }
        if !is_first {
            return Ok(());
        }
        let ended = timeout(LIMIT, async {
            while self.look.running.get() {
                sleep(POLL).await;
            }
        });
        match (ended.await, self.look.at.get()) {
            (Some(()), 1..) => Ok(()),
            (Some(()), 0) => Err("Workers KV cannot be looked at".into()),
            (None, _) => Err("what is in Workers KV is still being taken up".into()),
        }
    }

    pub(super) async fn look(&self) -> Result<Summary, JsError> {
        let begun = now_millis();
        let mut summary = Summary::default();
        let kv = Kv::of(&self.env, KV)?;
        let mut cursor = None;
        loop {
            let page = in_time(kv.list(KV_PREFIX, cursor.as_deref())).await?;
            let ids = page.names.iter().filter_map(|name| name.strip_prefix(KV_PREFIX));
            let keys: Vec<String> = self.unknown(ids)?.iter().map(|id| kv_key(id)).collect();
            let documents = in_time(kv.get_all(&keys)).await?;
            for batch in documents.chunks(BATCH) {
                self.import(batch, &mut summary)?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        self.set("looked_at", begun)?;
        self.look.at.set(begun);
        Ok(summary)
    }

    /// Those of the ids that are not known.
    fn unknown<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<Vec<String>, JsError> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
        }
        let ids: Vec<&str> = ids.collect();
        let sql = "SELECT value AS id FROM json_each(?) \
                   WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.id = value)";
        let ids = serde_json::to_string(&ids).unwrap_or_default();
        let rows: Vec<Row> = self.store.rows(sql, &[ids.into()])?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Takes up documents.
    fn import(&self, documents: &[(String, String)], summary: &mut Summary) -> Result<(), JsError> {
        let mut entries = Vec::new();
        for (key, document) in documents {
            let id = key.strip_prefix(KV_PREFIX).unwrap_or_default();
            // Nobody could ask for it, so no backup could read it.
            if let Some(problem) = api::id_problem(id) {
                summary.skip(id, &format!("its id cannot be used: {problem}"));
                continue;
            }
            match Connector::from_json(document) {
                Ok(connector) => entries.push(imported(id, &connector)),
                Err(problem) => summary.skip(id, &format!("it is no connector: {problem}")),
            }
        }
        let text = serde_json::to_string(&entries).unwrap_or_default();
        let seq = self.next_seq()?;
        let results = self.store.apply(&text, None, seq)?;
        self.counts.forget();
        self.silent.forget();
        let results: Vec<String> = serde_json::from_str(&results).unwrap_or_default();
        for (entry, result) in entries.iter().zip(results) {
            match result.as_str() {
                "index in use" => {
                    let Entry { id, index_name, .. } = &entry.entry;
                    let index = index_name.as_deref().unwrap_or_default();
                    summary.skip(id, &format!("its index [{index}] is used by another connector"));
                }
                result => {
                    if result == "taken" {
                        self.live.tell(&entry.entry, seq, true);
                    }
                    summary.taken += 1;
                }
            }
        }
        Ok(())
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, JsError>>) -> Result<T, JsError> {
    timeout(KV_LIMIT, asked).await.ok_or("Workers KV does not answer")?
}

/// What a look at Workers KV came to.
#[derive(Default)]
pub(super) struct Summary {
    /// How many documents were taken up.
    pub taken: usize,
    /// Which were not, and why.
    pub skipped: Vec<(String, String)>,
}

impl Summary {
    fn skip(&mut self, id: &str, why: &str) {
        console_error!("KV key [{}] is not taken up: {why}", kv_key(id));
        self.skipped.push((id.to_owned(), why.to_owned()));
    }
}

/// A connector that its object has not been asked about yet.
#[derive(Serialize)]
struct Imported {
    #[serde(flatten)]
    entry: Entry<'static>,
    title: String,
    document: String,
}

fn imported(id: &str, connector: &Connector) -> Imported {
    let text = |name| connector.text(name).map(|text| text.to_owned().into());
    Imported {
        title: sort_key(connector.text("name"), id),
        document: connector.to_json_without(&["status", "last_seen"]),
        entry: Entry {
            id: id.to_owned().into(),
            deleted: connector.is_deleted().into(),
            status: Some(connector.status().name().into()),
            index_name: text("index_name"),
            name: text("name"),
            service_type: text("service_type"),
            description: text("description"),
            last_seen: text("last_seen"),
            error: text("error"),
            ..Entry::default()
        },
    }
}
