//! Who is known for a while: whose credentials have been found good lately. Nobody else is let in from
//! memory, so a new key works at once, and a wrong secret costs what an unknown one does.
//!
//! Such memory can only be too old, and how old is promised: a key is looked up anew after
//! [`KEY_MEMORY_MS`], and Workers KV answers with what it knew [`KEY_CACHE_SECONDS`] ago at most. Together
//! that stays below the minute after which a revoked key is refused.
//!
//! Credentials are remembered by a hash of what they say, not of how they are spelled, so nobody can
//! fill the memory with one key.

use std::cell::RefCell;
use std::collections::HashMap;

use super::runtime::now_millis;

/// How long the owner of a key is remembered.
pub(super) const KEY_MEMORY_MS: u64 = 10_000;
/// How long Workers KV may answer from a location's memory; it takes no less.
pub(super) const KEY_CACHE_SECONDS: u32 = 30;
/// How long somebody is remembered whom the cluster knows.
pub(super) const CLUSTER_MEMORY_MS: u64 = 60_000;
/// So many are remembered.
const SIZE: usize = 1_000;

/// What stands for credentials, which are not kept.
type Fingerprint = [u8; 32];

/// What was found out about credentials lately.
pub(super) struct Recent<T>(RefCell<HashMap<Fingerprint, (u64, T)>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Clone> Recent<T> {
    /// What was found out about those with that fingerprint.
    pub fn get(&self, fingerprint: impl FnOnce() -> Fingerprint) -> Option<T> {
        let known = self.0.borrow();
        if known.is_empty() {
            return None;
        }
        let (until, found) = known.get(&fingerprint())?;
        (*until > now_millis()).then(|| found.clone())
    }

    /// Remembers it until then, in milliseconds since 1970.
    pub fn remember(&self, fingerprint: Fingerprint, found: T, until: u64) {
        let mut known = self.0.borrow_mut();
        if known.len() >= SIZE {
            let now = now_millis();
            known.retain(|_, (until, _)| *until > now);
        }
        if known.len() < SIZE {
            known.insert(fingerprint, (until, found));
        }
    }
}
