//! Ranges of values.

use std::cmp::Ordering;

use super::{Mapping, Scalar};
use crate::values::Time;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    pub from: Option<Limit>,
    pub to: Option<Limit>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub bound: Bound,
    pub inclusive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    Number(i64),
    Text(String),
    Time(Time),
    /// Milliseconds relative to now: `now-300s`.
    Now(i64),
}

impl Range {
    pub(super) fn contains(&self, value: &Scalar<'_>, mapping: Mapping, now: Time) -> bool {
        let within = |limit: &Option<Limit>, outside: Ordering| {
            limit.as_ref().is_none_or(|limit| match limit.bound.compare(value, mapping, now) {
                Some(Ordering::Equal) => limit.inclusive,
                Some(order) => order != outside,
                None => false,
            })
        };
        within(&self.from, Ordering::Less) && within(&self.to, Ordering::Greater)
    }
}

impl Bound {
    /// `None` if the value is of another type.
    fn compare(&self, value: &Scalar<'_>, mapping: Mapping, now: Time) -> Option<Ordering> {
        match self {
            Self::Number(bound) => Some(value.integer()?.cmp(bound)),
            Self::Text(bound) => match value {
                Scalar::Text(text) => Some((**text).cmp(bound.as_str())),
                Scalar::Literal(_) => None,
            },
            Self::Time(_) | Self::Now(_) if mapping != Mapping::Date => None,
            Self::Time(_) | Self::Now(_) => Some(value.time()?.cmp(&self.time(now)?)),
        }
    }

    pub(super) fn time(&self, now: Time) -> Option<Time> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Now(offset) => Some(now.plus_millis(*offset)),
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

/// Parses `now`, `now-300s`, `now+1d` to milliseconds relative to now. `None` for unsupported date math:
/// months and years, several steps, and rounding.
pub(super) fn from_now(text: &str) -> Option<i64> {
    let rest = text.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(0);
    }
    let (sign, rest) = match rest.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, rest.strip_prefix('+')?),
    };
    let unit = match rest.chars().next_back()? {
        's' => 1_000,
        'm' => 60_000,
        'h' | 'H' => 3_600_000,
        'd' => 86_400_000,
        'w' => 604_800_000,
        _ => return None,
    };
    let digits = rest.get(..rest.len() - 1)?;
    let count: i64 = match digits {
        "" => 1,
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    count.checked_mul(sign * unit)
}
