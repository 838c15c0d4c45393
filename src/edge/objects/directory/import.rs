//! Documents that were put into Workers KV are taken up: all of them before the first list ever, new
//! ones by a look at the keys, at most every five minutes while somebody lists.

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
        // However far the clock was set back meanwhile.
        let is_due = now_millis().abs_diff(self.look.at.get()) > GAP_MS;
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
        let ids: Vec<&str> = ids.collect();
        let sql = "SELECT json_group_array(value) FROM json_each(?) \
                   WHERE NOT EXISTS (SELECT 1 FROM entry WHERE entry.id = value)";
        let ids = serde_json::to_string(&ids).map_err(|error| error.to_string())?;
        Ok(self.store.json(sql, &[ids.into()])?.unwrap_or_default())
    }

    /// Takes up documents.
    fn import(&self, documents: &[(String, String)], summary: &mut Summary) -> Result<(), JsError> {
        let mut connectors = Vec::new();
        for (key, document) in documents {
            let id = key.strip_prefix(KV_PREFIX).unwrap_or_default();
            // Nobody could ask for it, so no backup could read it.
            if let Some(problem) = api::id_problem(id) {
                summary.skip(id, &format!("its id cannot be used: {problem}"));
                continue;
            }
            if document.len() > DOCUMENT_BYTES {
                summary.skip(id, &format!("it is longer than [{DOCUMENT_BYTES}] bytes"));
                continue;
            }
            match Connector::from_json(document) {
                Ok(connector) => connectors.push((id, connector)),
                Err(problem) => summary.skip(id, &format!("it is no connector: {problem}")),
            }
        }
        let entries: Vec<Entry<'_>> =
            connectors.iter().map(|(id, connector)| Entry::of(id, 0, None, connector)).collect();
        let documents = connectors
            .iter()
            .map(|(_, connector)| Some(SqlValue::from(document_beside_entry(connector))));
        let told: Vec<_> = entries.iter().zip(documents).collect();
        let seq = self.next_seq()?;
        let outcomes = self.store.take(&told, seq)?;
        self.counts.forget();
        self.silent.forget();
        for (entry, outcome) in entries.iter().zip(outcomes) {
            if outcome == Outcome::IndexInUse {
                let index = entry.index_name.as_deref().unwrap_or_default();
                let why = format!("its index [{index}] is used by another connector");
                summary.skip(&entry.id, &why);
                continue;
            }
            if outcome == Outcome::Taken {
                self.live.tell(entry, seq, true);
            }
            summary.taken += 1;
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
