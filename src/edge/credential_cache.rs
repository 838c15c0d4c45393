//! Caches successful authentications. Failures are not cached, so a new key works at once, and a wrong secret
//! costs as much as an unknown key.
//!
//! The age of cached entries is limited: a key is read again after [`KEY_TTL_MS`], and Workers KV may return a
//! value that is [`KEY_CACHE_SECONDS`] old. Together that is less than the minute after which a revoked key must
//! be refused.
//!
//! The cache is keyed by a hash of the decoded credentials, so different spellings of one key cannot fill it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::runtime::now_millis;

/// How long a key is cached.
pub(super) const KEY_TTL_MS: u64 = 10_000;
/// How long Workers KV may cache a key. This is its minimum.
pub(super) const KEY_CACHE_SECONDS: u32 = 30;
/// How long the cluster's credentials are cached.
pub(super) const CLUSTER_TTL_MS: u64 = 60_000;
const SIZE: usize = 1_000;

/// A hash of credentials.
type Fingerprint = [u8; 32];

/// A cache by credentials, with an expiration time for each entry.
pub(super) struct CredentialCache<T>(RefCell<HashMap<Fingerprint, (u64, T)>>);

impl<T> Default for CredentialCache<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T: Clone> CredentialCache<T> {
    /// Computes the fingerprint only if the cache is not empty.
    pub fn get(&self, fingerprint: impl FnOnce() -> Fingerprint) -> Option<T> {
        let entries = self.0.borrow();
        if entries.is_empty() {
            return None;
        }
        let (until, value) = entries.get(&fingerprint())?;
        (*until > now_millis()).then(|| value.clone())
    }

    /// `until`: in milliseconds since 1970.
    pub fn insert(&self, fingerprint: Fingerprint, value: T, until: u64) {
        let mut entries = self.0.borrow_mut();
        if entries.len() >= SIZE {
            let now = now_millis();
            entries.retain(|_, (until, _)| *until > now);
        }
        if entries.len() < SIZE {
            entries.insert(fingerprint, (until, value));
        }
    }
}
