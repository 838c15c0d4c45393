//! One outage, one message. A few messages about single connectors are sent to a target, then what
//! happens to others is gathered and sent as one.
//!
//! A state machine for each target, kept by the Directory: connectors ask it before they send a
//! message for the first time, and the Directory's alarm sends what was gathered.

use serde::{Deserialize, Serialize};

use super::{EventType, Settings};

/// The first summary of an outage waits for so long for others to join it.
const GATHER_MS: u64 = 15_000;

/// What is gathered for a target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gathering {
    /// When messages about single connectors were admitted, within the window.
    singles: Vec<u64>,
    /// What is to be summarized, the oldest first.
    groups: Vec<Group>,
    /// When each event was last summarized, within the window.
    summarized: Vec<(EventType, u64)>,
    /// The fingerprint of a URL that has answered 410 to a summary.
    pub gone: Option<String>,
    /// How many summaries were given up since one was made.
    pub missed: u64,
}

/// Connectors to which the same has happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    /// What has happened to them.
    pub event: EventType,
    /// When the first of them was gathered, in milliseconds since 1970.
    pub since: u64,
    /// When they are summarized.
    due: u64,
}

/// What becomes of a message about a single connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is sent.
    Single,
    /// Its connector is to be named by a summary.
    Gathered,
}

impl Gathering {
    /// A connector has a message for the target. While others are gathered, none is sent by itself: it
    /// might say that a connector has recovered before a summary says that it failed.
    pub fn admit(&mut self, event: EventType, settings: &Settings, now: u64) -> Verdict {
        let window = settings.single_window_ms;
        self.singles.retain(|at| is_within(*at, window, now));
        if self.groups.is_empty() && self.singles.len() < settings.single_limit {
            self.singles.push(now);
            return Verdict::Single;
        }
        if !self.groups.iter().any(|group| group.event == event) {
            let before = self.summarized.iter().find(|(it, _)| *it == event);
            let soon = now + GATHER_MS.min(window);
            let due = before.map_or(soon, |(_, at)| soon.max(at + window));
            self.groups.push(Group { event, since: now, due });
        }
        Verdict::Gathered
    }

    /// When there is something to summarize, in milliseconds since 1970.
    pub fn due(&self) -> Option<u64> {
        self.groups.iter().map(|group| group.due).min()
    }

    /// What is to be summarized now, in order: if anything is due, all of it.
    pub fn take(&mut self, settings: &Settings, now: u64) -> Vec<Group> {
        if self.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let groups = std::mem::take(&mut self.groups);
        let window = settings.single_window_ms;
        self.summarized.retain(|(event, at)| {
            is_within(*at, window, now) && groups.iter().all(|group| group.event != *event)
        });
        self.summarized.extend(groups.iter().map(|group| (group.event, now)));
        groups
    }
}

/// A clock that was put back counts as within: so nothing waits for longer than a window.
fn is_within(at: u64, window: u64, now: u64) -> bool {
    now < at + window && at < now + window
}
