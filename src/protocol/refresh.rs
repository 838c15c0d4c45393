//! `_refresh`: a search that begins after it shows every write that was acknowledged before it.
//!
//! A connector's object may acknowledge a change that the Directory has not been told of, or every move in a
//! burst would be a message of its own. It may do so under a [`Lease`] alone: for a while after a telling
//! that the Directory has taken. The first change after a pause has no lease and waits for its own telling.
//!
//! So a change that is acknowledged and untold is one of an object that the Directory heard from lately.
//! To refresh, the Directory has those objects tell what they hold ([`Recent`]). What it takes for lately
//! is far longer than a lease: the telling that follows, or the alarm after a crash, has arrived by then.
//!
//! One thing cannot be promised: a write whose object could not reach the Directory for the second that its
//! caller waits. The Directory does not know of it until the object is through.

use std::collections::HashMap;

use crate::values::sorted::unique;

/// How long after a telling was sent an object may acknowledge changes before the Directory knows of them.
/// It tells again within that time.
pub const LEASE_MS: u64 = 800;

/// How long after it heard from an object the Directory takes it for one that may hold something untold. The
/// object tells again within a lease, and waits a second for the reply. If it crashes meanwhile, its alarm
/// comes within two seconds, and that message takes a second. The rest is for timers that are late.
pub const WINDOW_MS: u64 = 6_000;

/// How many objects a refresh asks at most.
pub const ASKED: usize = 1_000;

/// The right of an object to acknowledge changes that the Directory has not been told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lease {
    sent_at: Option<u64>,
}

impl Lease {
    /// Begins with a telling that the Directory has taken. It counts from when that was sent, by the clock
    /// of the object.
    pub fn renew(&mut self, sent_at: u64) {
        self.sent_at = self.sent_at.max(Some(sent_at));
    }

    /// Does it hold at that time?
    pub fn holds(self, now: u64) -> bool {
        // A clock that was put back ends it.
        let age = self.sent_at.and_then(|sent_at| now.checked_sub(sent_at));
        age.is_some_and(|age| age < LEASE_MS)
    }
}

/// What an object does with a change that it has committed, before it acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It acknowledges it.
    Acknowledge,
    /// It waits for the telling that is under way: that may renew the lease.
    Wait,
    /// It tells the Directory.
    Tell,
}

/// What to do next. `is_behind`: there is something that the Directory has not been told of.
pub fn next(is_behind: bool, lease: Lease, is_telling: bool, now: u64) -> Next {
    match (is_behind && !lease.holds(now), is_telling) {
        (false, _) => Next::Acknowledge,
        (true, true) => Next::Wait,
        (true, false) => Next::Tell,
    }
}

/// The objects that the Directory heard from lately. It is in memory, since to store it would be another
/// row for each heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// When the memory began.
    since: u64,
    heard: HashMap<String, u64>,
    /// At this size those are forgotten that are too old to matter.
    sweep_at: usize,
}

/// More objects would have to be asked than can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany(pub usize);

impl Recent {
    /// Of a Directory that has just been started.
    pub fn new(now: u64) -> Self {
        Self { since: now, sweep_at: 2 * ASKED, ..Self::default() }
    }

    /// Notes that an object has told something, before it is known what becomes of that.
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

    /// Since when objects may hold something untold, if that is longer than the memory goes back: what the
    /// rows say of that time is to be looked up.
    pub fn gap(&self, now: u64) -> Option<u64> {
        is_recent(self.since, now).then(|| now.saturating_sub(WINDOW_MS))
    }

    /// The objects to ask, with those that are known from elsewhere.
    ///
    /// # Errors
    /// If they are too many.
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

/// A time that a clock has not reached is recent: it was put back.
fn is_recent(then: u64, now: u64) -> bool {
    now.saturating_sub(then) < WINDOW_MS
}
