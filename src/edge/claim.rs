//! Who holds an index: one object per index name, so that two connectors cannot both have it.
//!
//! A claim is taken before the connector is committed and is not given back: when somebody else
//! wants the index, the holder is asked whether it still has it. That heals a claim left behind by
//! a crash, a deletion or a move to another index alike.

use std::time::Duration;

use js_sys::Array;
use serde_json::Value;
use worker::{DurableObject, Env, Request, Response, State, console_error, durable_object};

use super::directory;
use super::message::{self, Message, ask};
use super::runtime::{Sql, Thrown, describe, error};
use super::{storage, within};

/// How long to search the directory for an imported connector that has the index.
const SEARCH_LIMIT: Duration = Duration::from_millis(800);

/// Claims an index for a connector. `false`: another one holds it.
///
/// # Errors
/// If the index's object, or the holder's, cannot be reached.
pub(super) async fn take(env: &Env, index: &str, id: &str) -> Result<bool, Thrown> {
    let claim = Message::Claim { index: index.to_owned(), id: id.to_owned() };
    ask(env, message::INDEX_CLAIM, index, &claim).await
}

/// The Durable Object class of indices; instances are named by index.
#[durable_object]
pub struct IndexClaim {
    sql: Sql,
    env: Env,
}

impl DurableObject for IndexClaim {
    fn new(state: State, env: Env) -> Self {
        Self { sql: storage(&state).sql(), env }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let text = request.text().await?;
        match Message::parse(&text) {
            Some(Message::Claim { index, id }) => {
                message::reply(self.claim(&index, &id).await.map_err(error)?)
            }
            _ => message::reply(false),
        }
    }
}

impl IndexClaim {
    async fn claim(&self, index: &str, id: &str) -> Result<bool, Thrown> {
        loop {
            let holder = self.holder()?;
            let candidates = match &holder {
                Some(holder) if holder == id => return Ok(true),
                Some(holder) => vec![holder.clone()],
                None => self.imported(index, id).await,
            };
            for candidate in candidates {
                let question = Message::Holds { id: candidate.clone(), index: index.to_owned() };
                if ask(&self.env, message::CONNECTOR, &candidate, &question).await? {
                    return Ok(false);
                }
            }
            // Another claim may have been granted while the holder was asked.
            if self.holder()? == holder {
                self.sql.exec(
                    "INSERT INTO claim (one, id) VALUES (1, ?) \
                     ON CONFLICT (one) DO UPDATE SET id = excluded.id",
                    &Array::of1(&id.into()),
                )?;
                return Ok(true);
            }
        }
    }

    fn holder(&self) -> Result<Option<String>, Thrown> {
        let none = Array::new();
        self.sql.exec(
            "CREATE TABLE IF NOT EXISTS claim (one INTEGER PRIMARY KEY CHECK (one = 1), \
             id TEXT NOT NULL)",
            &none,
        )?;
        let row = self.sql.exec("SELECT id FROM claim", &none)?.rows()?.pop();
        Ok(row.and_then(|row| row.get("id").and_then(Value::as_str).map(str::to_owned)))
    }

    /// Connectors that came through Workers KV have claimed nothing. A directory that cannot be
    /// read does not stand in the way: among connectors made here, claims suffice.
    async fn imported(&self, index: &str, id: &str) -> Vec<String> {
        match within(SEARCH_LIMIT, directory::holders(&self.env, index)).await {
            Some(Ok(ids)) => ids.into_iter().filter(|holder| holder != id).collect(),
            Some(Err(thrown)) => {
                let why = describe(&thrown);
                console_error!("index [{index}]: the directory cannot be searched: {why}");
                Vec::new()
            }
            None => {
                console_error!("index [{index}]: searching the directory took too long");
                Vec::new()
            }
        }
    }
}
