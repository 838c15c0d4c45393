//! Records when keys were last used: once a day, in Workers KV, in a record of its own. In the key's record, a
//! late write would restore a revoked key.

use std::cell::RefCell;
use std::collections::HashSet;

use serde_json::json;
use worker::{Env, console_error};

use super::auth::KEYS;
use super::runtime::{JsError, Kv, describe, now_millis};

const HOUR_MS: u64 = 60 * 60_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// How long the record is kept.
const KEPT_SECONDS: u64 = 400 * 24 * 60 * 60;

/// The ids of the keys that this isolate has recorded today, and the day.
#[derive(Default)]
pub(super) struct KeysUsedToday(RefCell<(u64, HashSet<String>)>);

impl KeysUsedToday {
    /// Returns whether this is the key's first use today in this isolate.
    pub fn insert(&self, id: &str) -> bool {
        let (day, ids) = &mut *self.0.borrow_mut();
        let today = now_millis() / DAY_MS;
        if *day != today {
            *day = today;
            ids.clear();
        }
        ids.insert(id.to_owned())
    }
}

/// Records the use of a key, unless another isolate has done so today.
pub(super) async fn record(env: Env, id: String) {
    if let Err(thrown) = record_once(&env, &id).await {
        console_error!(
            "the time of last use of key [{id}] cannot be stored: {}",
            describe(&thrown)
        );
    }
}

async fn record_once(env: &Env, id: &str) -> Result<(), JsError> {
    let kv = Kv::of(env, KEYS)?;
    // Ids of keys contain no colon, as it ends the id in credentials.
    let name = format!("used:{id}");
    let now = now_millis();
    let used_at = kv.get_with_time(&name).await?.and_then(|record| record.written_at);
    if used_at.is_some_and(|at| at / DAY_MS >= now / DAY_MS) {
        return Ok(());
    }
    kv.put_with_ttl(&name, "", &json!({ "at": now / HOUR_MS * HOUR_MS }), KEPT_SECONDS).await
}
