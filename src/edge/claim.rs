//! Who holds an index: one object per index name, so that two connectors cannot both have it.
//!
//! A claim is taken before the connector is committed and is not given back: when somebody else
//! wants the index, the holder is asked whether it still has it. That heals a claim left behind by
//! a crash, a deletion or a move to another index alike.

use std::rc::Rc;
use std::time::Duration;

use js_sys::Array;
use serde_json::Value;
use wasm_bindgen::prelude::*;
use worker::{Env, console_error};

use super::directory;
use super::runtime::{self, JsError, Sql, State, describe};
use super::task::{JsResult, start, wait, within};

/// How long to search the directory for an imported connector that has the index.
const SEARCH_LIMIT: Duration = Duration::from_millis(800);

/// Claims an index for a connector. `false`: another one holds it.
///
/// # Errors
/// If the index's object, or the holder's, cannot be reached.
pub(super) async fn take(env: &Env, index: &str, id: &str) -> Result<bool, JsError> {
    Ok(wait(runtime::claim(env, index, id)).await?.is_truthy())
}

/// The object of an index.
#[wasm_bindgen]
pub struct IndexClaim(Rc<Index>);

struct Index {
    sql: Sql,
    env: Env,
}

#[wasm_bindgen]
impl IndexClaim {
    /// From what the runtime gives an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &State, env: Env) -> Self {
        Self(Rc::new(Index { sql: state.storage().sql(), env }))
    }

    /// Grants the index, or not.
    ///
    /// # Errors
    /// If the database fails, or the holder cannot be asked.
    pub fn claim(&self, index: String, id: String) -> JsResult {
        let this = self.0.clone();
        start(async move { this.claim(&index, &id).await.map(JsValue::from) })
    }
}

impl Index {
    async fn claim(&self, index: &str, id: &str) -> Result<bool, JsError> {
        loop {
            let holder = self.holder()?;
            let candidates = match &holder {
                Some(holder) if holder == id => return Ok(true),
                Some(holder) => vec![holder.clone()],
                None => self.imported(index, id).await,
            };
            for candidate in candidates {
                if wait(runtime::holds(&self.env, &candidate, index)).await?.is_truthy() {
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

    fn holder(&self) -> Result<Option<String>, JsError> {
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
        match within(SEARCH_LIMIT, directory::holders(self.env.clone(), index.to_owned())).await {
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
