//! Who is known for a while: whose credentials have been found good lately. Nobody else is
//! remembered, so a new key works at once, and a wrong secret costs what an unknown one does.
//!
//! Such memory can only be too old, and how old is promised: a key is looked up anew after
//! [`KEY_MEMORY_MS`], and Workers KV answers with what it knew [`KEY_CACHE_SECONDS`] ago at most. Together
//! that stays below the minute after which a revoked key is refused.

use std::cell::RefCell;
use std::collections::HashMap;

use super::runtime::now_millis;
use crate::api::{Caller, sha256};

/// How long the owner of a key is remembered.
pub(super) const KEY_MEMORY_MS: u64 = 10_000;
/// How long Workers KV may answer from a location's memory; it takes no less.
pub(super) const KEY_CACHE_SECONDS: u32 = 30;
/// How long somebody is remembered whom the cluster knows.
pub(super) const CLUSTER_MEMORY_MS: u64 = 60_000;
/// So many are remembered.
const SIZE: usize = 1_000;

/// Callers by what stands for their credentials, which are not kept.
#[derive(Default)]
pub(super) struct KnownCallers(RefCell<HashMap<[u8; 32], (u64, Caller)>>);

impl KnownCallers {
    /// Whose credentials these are, if that was found out lately.
    pub fn get(&self, authorization: &str) -> Option<Caller> {
        let known = self.0.borrow();
        if known.is_empty() {
            return None;
        }
        let (until, caller) = known.get(&sha256(authorization))?;
        (*until > now_millis()).then(|| caller.clone())
    }

    /// Remembers who it is, from when that was asked on, and no longer than the key lives.
    pub fn remember(&self, authorization: &str, caller: &Caller, asked_at: u64, for_ms: u64) {
        let mut known = self.0.borrow_mut();
        if known.len() >= SIZE {
            known.retain(|_, (until, _)| *until > asked_at);
        }
        if known.len() < SIZE {
            let until = (asked_at + for_ms).min(caller.expiration().unwrap_or(u64::MAX));
            known.insert(sha256(authorization), (until, caller.clone()));
        }
    }
}
