//! When keys were last used: noted in Workers KV beside the key, once a day and key. Not in the key's own record: a
//! write that is late would bring back one that was revoked.

use std::cell::RefCell;
use std::collections::HashSet;

use serde_json::json;
use worker::{Env, console_error};

use super::auth::KEYS;
use super::runtime::{JsError, Kv, describe, now_millis};

const HOUR_MS: u64 = 60 * 60_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// So long is it known when a key was used.
const KEPT_SECONDS: u64 = 400 * 24 * 60 * 60;

/// The keys that are known to be noted today: a day and their ids.
#[derive(Default)]
pub(super) struct Noted(RefCell<(u64, HashSet<String>)>);

impl Noted {
    /// Whether it is to be seen to that a key is noted today: once in this isolate.
    pub fn is_first_today(&self, id: &str) -> bool {
        let (day, ids) = &mut *self.0.borrow_mut();
        let today = now_millis() / DAY_MS;
        if *day != today {
            *day = today;
            ids.clear();
        }
        ids.insert(id.to_owned())
    }
}

/// Notes that a key has been used, unless another isolate has noted it today.
pub(super) async fn note(env: Env, id: String) {
    if let Err(thrown) = note_once(&env, &id).await {
        console_error!("that key [{id}] is used cannot be noted: {}", describe(&thrown));
    }
}

async fn note_once(env: &Env, id: &str) -> Result<(), JsError> {
    let kv = Kv::of(env, KEYS)?;
    // No id of a key has a colon: credentials end an id there.
    let name = format!("used:{id}");
    let now = now_millis();
    let noted = kv.get_with_time(&name).await?.and_then(|noted| noted.written_at);
    if noted.is_some_and(|at| at / DAY_MS >= now / DAY_MS) {
        return Ok(());
    }
    kv.put_with_ttl(&name, "", &json!({ "at": now / HOUR_MS * HOUR_MS }), KEPT_SECONDS).await
}
