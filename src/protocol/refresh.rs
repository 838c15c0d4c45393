//! `_refresh`: a search that begins after it shows every write that was acknowledged before it.
//!
//! A connector's object may acknowledge a change before the Directory has it; otherwise every move in a
//! burst would need its own message. It may do so only under a [`Lease`]: for a short time after an update
//! that the Directory has applied. The first change after a pause has no lease, so it waits for its update.
//!
//! So an acknowledged change that is still pending belongs to an object that the Directory heard from
//! recently. `_refresh` has these objects send what is pending ([`Recent`]). The time that counts as recent
//! is far longer than a lease: by then the next update, or the alarm after a crash, has arrived.
//!
//! There is one exception: a write whose object can't reach the Directory during the second for which the
//! caller waits. The Directory doesn't know of it until a later update gets through.

use std::collections::HashMap;

use crate::values::sorted::unique;

/// How long after sending an update an object may acknowledge changes that are still pending. It sends the
/// next update within that time.
pub const LEASE_MS: u64 = 800;

/// How long after a message from an object the Directory assumes that the object may have pending changes.
/// The object sends the next update within a lease, and waits a second for the reply. If it crashes
/// meanwhile, its alarm runs within two seconds, and that message takes a second. The rest is a margin for
/// late timers.
pub const WINDOW_MS: u64 = 6_000;

/// The most objects that a refresh asks.
pub const ASKED: usize = 1_000;

/// An object's right to acknowledge changes that are still pending for the Directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lease {
    sent_at: Option<u64>,
}

impl Lease {
    /// Renews the lease after an update that the Directory has applied, from the time when the update was
    /// sent, by the object's clock.
    pub fn renew(&mut self, sent_at: u64) {
        self.sent_at = self.sent_at.max(Some(sent_at));
    }

    pub fn holds(self, now: u64) -> bool {
        // If the clock was set back, the lease is over.
        let age = self.sent_at.and_then(|sent_at| now.checked_sub(sent_at));
        age.is_some_and(|age| age < LEASE_MS)
    }
}

/// What an object does with a committed change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Acknowledge,
    /// Wait for the update in progress, which may renew the lease.
    Wait,
    /// Send the Directory an update.
    Send,
}

/// `is_pending`: the Directory lacks a change. `is_sending`: an update is in progress.
pub fn next(is_pending: bool, lease: Lease, is_sending: bool, now: u64) -> Next {
    match (is_pending && !lease.holds(now), is_sending) {
        (false, _) => Next::Acknowledge,
        (true, true) => Next::Wait,
        (true, false) => Next::Send,
    }
}

/// The objects that the Directory heard from recently. They are kept in memory: storing them would cost a
/// row for each heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// When the Directory started.
    since: u64,
    heard: HashMap<String, u64>,
    /// At this size, objects that are no longer recent are removed.
    sweep_at: usize,
}

/// More objects would have to be asked than [`ASKED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub usize);

impl Recent {
    /// For a Directory that has just started.
    pub fn new(now: u64) -> Self {
        Self { since: now, sweep_at: 2 * ASKED, ..Self::default() }
    }

    /// Records a message from an object, before the message is applied.
    pub fn note(&mut self, id: &str, now: u64) {
        if let Some(heard) = self.heard.get_mut(id) {
            *heard = now;
            return;
        }
        if self.heard.len() >= self.sweep_at {
            self.heard.retain(|_, heard| is_recent(*heard, now));
            self.sweep_at = (2 * self.heard.len()).max(2 * ASKED);
        }
        self.heard.insert(id.to_owned(), now);
    }

    /// If the Directory started too recently to know all recent objects: the time from which the rows must
    /// be searched for the others.
    pub fn gap(&self, now: u64) -> Option<u64> {
        is_recent(self.since, now).then(|| now.saturating_sub(WINDOW_MS))
    }

    /// The objects to ask, including those found `elsewhere`.
    pub fn to_ask(
        &self,
        elsewhere: impl IntoIterator<Item = String>,
        now: u64,
    ) -> Result<Vec<String>, TooMany> {
        let recent = self.heard.iter().filter(|(_, heard)| is_recent(**heard, now));
        let all = unique(recent.map(|(id, _)| id.clone()).chain(elsewhere).collect());
        if all.len() <= ASKED { Ok(all) } else { Err(TooMany(all.len())) }
    }
}

/// A time in the future counts as recent: the clock was set back.
fn is_recent(then: u64, now: u64) -> bool {
    now.saturating_sub(then) < WINDOW_MS
}
