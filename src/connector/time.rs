//! Points in time, as documents write them.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

/// A point in time, to the millisecond. The core has no clock: callers pass the time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// From milliseconds since 1970-01-01T00:00:00Z. What the calendar cannot hold becomes 1970.
    pub fn from_millis(millis: u64) -> Self {
        let millis = i64::try_from(millis).unwrap_or_default();
        Self(DateTime::from_timestamp_millis(millis).unwrap_or_default())
    }
}

/// ISO-8601 in UTC with milliseconds: `2023-05-25T12:30:00.000Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
