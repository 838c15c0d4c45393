//! One message per outage: after a few messages about single connectors, a target gets a summary of the
//! rest.
//!
//! A state machine per target, stored by the Directory. Connectors ask it before the first attempt to send
//! a message, and the Directory's alarm sends the summaries.

use serde::{Deserialize, Serialize};

use super::{EventType, Settings};

/// How long the first summary of an outage waits for more connectors.
const GATHER_MS: u64 = 15_000;

/// The state of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gathering {
    /// When messages about single connectors were admitted, within the window.
    singles: Vec<u64>,
    /// The groups to summarize, the oldest first.
    groups: Vec<Group>,
    /// When each event was last summarized, within the window.
    summarized: Vec<(EventType, u64)>,
    /// The fingerprint of a URL that returned 410 to a summary.
    pub gone: Option<String>,
    /// The number of summaries given up since the last one was made.
    pub missed: u64,
}

/// Connectors with the same event, to be named by one summary.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    pub event: EventType,
    /// When the first of them was added, in milliseconds since 1970.
    pub since: u64,
    /// When to summarize them, in milliseconds since 1970.
    due: u64,
}

/// What to do with a message about a single connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it.
    Single,
    /// Don't send it: a summary will name the connector.
    Gathered,
}

impl Gathering {
    /// Decides about a connector's message. While others are gathered, none is sent individually: it could
    /// report a recovery before the summary reports the failure.
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

    /// When the next summary is due, in milliseconds since 1970.
    pub fn due(&self) -> Option<u64> {
        self.groups.iter().map(|group| group.due).min()
    }

    /// The groups to summarize now: as soon as one is due, all of them.
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

/// If the clock was set back, times in the future count too, so that nothing waits longer than a window.
fn is_within(at: u64, window: u64, now: u64) -> bool {
    now < at + window && at < now + window
}
