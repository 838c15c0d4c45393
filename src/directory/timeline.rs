//! The number of connectors by status over time, from marks that the Directory stores.
//!
//! Before the first change of a status within five minutes, the Directory stores a mark: the counts up to
//! then. Without a mark nothing has changed, so nothing is written while nothing changes.

use serde::Serialize;

use crate::values::Time;
use crate::values::sorted::SortedMap;

/// There is at most one mark in this many seconds.
pub const MARK_SECONDS: u64 = 300;
/// All marks of this many hours are kept. Of older ones, the first of each hour is kept.
pub const ALL_HOURS: u64 = 24;
/// Marks are deleted after this many days.
pub const DAYS: u64 = 30;

/// The number of connectors by status.
pub type Counts = SortedMap<String, u64>;

/// The counts before the changes of an interval of [`MARK_SECONDS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The number of the interval, counted from 1970.
    pub at: u64,
    pub before: Counts,
}

/// The counts from a time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// ISO-8601 in UTC.
    pub at: String,
    pub by_status: Counts,
}

/// The counts at `from`, in milliseconds since 1970, and after each change since. `marks`: those since
/// `from`, the oldest first. `now`: the current counts.
pub fn steps(marks: Vec<Mark>, now: Counts, from: u64) -> Vec<Step> {
    let mut starts = vec![from];
    starts.extend(marks.iter().map(|mark| (mark.at * MARK_SECONDS * 1_000).max(from)));
    let counts = marks.into_iter().map(|mark| mark.before).chain([now]);
    let mut steps: Vec<Step> = Vec::new();
    for (at, by_status) in starts.into_iter().zip(counts) {
        let at = Time::from_millis(at).to_string();
        match steps.last_mut() {
            Some(last) if last.by_status == by_status => {}
            Some(last) if last.at == at => last.by_status = by_status,
            _ => steps.push(Step { at, by_status }),
        }
    }
    steps
}
