//! How many connectors had which status over the last days, from marks that the Directory keeps.
//!
//! A mark is made before the first change of a status in five minutes, and says how many there were until
//! then. So what is not written down has not changed, and nothing is written while nothing changes.

use serde::Serialize;

use crate::values::Time;
use crate::values::sorted::SortedMap;

/// Marks are this far apart, in seconds.
pub const MARK_SECONDS: u64 = 300;
/// Marks of the last hours are kept; of those before, the first one in each hour.
pub const ALL_HOURS: u64 = 24;
/// Marks are kept for so many days.
pub const DAYS: u64 = 30;

/// How many connectors have which status.
pub type Counts = SortedMap<String, u64>;

/// How many there were until the five minutes began in which something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which five minutes, counted from 1970.
    pub at: u64,
    /// How many there were before.
    pub before: Counts,
}

/// From then on there were so many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, as ISO-8601 in UTC.
    pub at: String,
    /// How many connectors had which status.
    pub by_status: Counts,
}

/// The steps since `from`, in milliseconds since 1970: how many there were then, and each change. `marks` are those
/// since then in order, `now` is how many there are.
pub fn steps(marks: Vec<Mark>, now: Counts, from: u64) -> Vec<Step> {
    let mut begins = vec![from];
    begins.extend(marks.iter().map(|mark| (mark.at * MARK_SECONDS * 1_000).max(from)));
    let counts = marks.into_iter().map(|mark| mark.before).chain([now]);
    let mut steps: Vec<Step> = Vec::new();
    for (at, by_status) in begins.into_iter().zip(counts) {
        let at = Time::from_millis(at).to_string();
        match steps.last_mut() {
            Some(last) if last.by_status == by_status => {}
            Some(last) if last.at == at => last.by_status = by_status,
            _ => steps.push(Step { at, by_status }),
        }
    }
    steps
}
