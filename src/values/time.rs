//! Timestamps in Elasticsearch's formats.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};

const FIRST: &str = "0000-01-01T00:00:00.000Z";
const LAST: &str = "9999-12-31T23:59:59.999Z";

/// A timestamp in the years 0 to 9999. The core has no clock: callers pass the time in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// From milliseconds since 1970-01-01T00:00:00Z. Values after the year 9999 become 1970.
    pub fn from_millis(millis: u64) -> Self {
        let millis = i64::try_from(millis).unwrap_or_default();
        Self::from_signed_millis(millis).unwrap_or(Self(DateTime::UNIX_EPOCH))
    }

    /// Parses Elasticsearch's default formats: ISO-8601, in UTC unless it has an offset, where
    /// everything after the year is optional; or milliseconds since 1970.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 4
            && let Ok(millis) = text.parse()
        {
            return Self::from_signed_millis(millis);
        }
        let (date, rest) = text.split_once('T').unwrap_or((text, ""));
        let offset_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
        let (time, offset) = rest.split_at_checked(offset_at)?;
        let (time, fraction) = time.split_once('.').map_or((time, None), |(t, f)| (t, Some(f)));
        let whole = matches!((date.len(), time.len()), (4 | 7 | 10, 0 | 2 | 5 | 8));
        let (date_end, time_end) = ("0000-01-01".get(date.len()..)?, "00:00:00".get(time.len()..)?);
        if !whole || (time.is_empty() && !offset.is_empty()) {
            return None;
        }
        let fraction = match fraction {
            Some(digits) if !time_end.is_empty() || digits.len() > 9 => return None,
            Some(digits) => format!(".{digits}"),
            None => String::new(),
        };
        let offset = match (offset.len(), offset.split_at_checked(3)) {
            (0, _) => "Z".to_owned(),
            (3, _) => format!("{offset}:00"),
            (5, Some((hours, minutes))) => format!("{hours}:{minutes}"),
            _ => offset.to_owned(),
        };
        let full = format!("{date}{date_end}T{time}{time_end}{fraction}{offset}");
        let time = DateTime::parse_from_rfc3339(&full).ok()?.to_utc();
        // Chrono reads leap seconds, but documents have no format for them.
        let is_leap_second = time.timestamp_subsec_nanos() >= 1_000_000_000;
        if is_leap_second { None } else { Self::within_calendar(time) }
    }

    /// Elasticsearch's message for a text that [`Self::parse`] rejects.
    pub fn parse_error(text: &str) -> String {
        format!(
            "failed to parse date field [{text}] with format \
             [strict_date_optional_time||epoch_millis]"
        )
    }

    /// Milliseconds since 1970, truncated.
    pub fn millis(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Milliseconds since 1970; `None` for earlier times.
    pub fn unix_millis(self) -> Option<u64> {
        u64::try_from(self.millis()).ok()
    }

    /// Adds milliseconds, which may be negative. Saturates at the years 0 and 9999.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        let moved =
            TimeDelta::try_milliseconds(millis).and_then(|by| self.0.checked_add_signed(by));
        let end = if millis < 0 { FIRST } else { LAST };
        moved.and_then(Self::within_calendar).or_else(|| Self::parse(end)).unwrap_or(self)
    }

    fn from_signed_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).and_then(Self::within_calendar)
    }

    /// Other years could be formatted, but not parsed again.
    fn within_calendar(time: DateTime<Utc>) -> Option<Self> {
        (0..=9999).contains(&time.year()).then_some(Self(time))
    }
}

/// ISO-8601 in UTC with three to nine fractional digits: `2023-05-25T12:30:00.000Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = self.0.to_rfc3339_opts(SecondsFormat::Nanos, true);
        let (millis, rest) =
            full.split_at_checked("2023-05-25T12:30:00.000".len()).unwrap_or_default();
        write!(f, "{millis}{}Z", rest.trim_end_matches(['0', 'Z']))
    }
}
