//! What lies between two limits.

use std::cmp::Ordering;

use super::{Kind, Scalar};
use crate::values::Time;

/// A range; either side may be open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Range {
    /// From here.
    pub from: Option<Limit>,
    /// To here.
    pub to: Option<Limit>,
}

/// One side of a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Where it is.
    pub bound: Bound,
    /// Does it belong to the range itself?
    pub inclusive: bool,
}

/// Where a range begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// At a whole number.
    Number(i64),
    /// At a text, in alphabetical order.
    Text(String),
    /// At a point in time.
    Time(Time),
    /// At this many milliseconds from now: `now-300s`.
    Now(i64),
}

impl Range {
    pub(super) fn covers(&self, value: &Scalar<'_>, kind: Kind, now: Time) -> bool {
        let within = |limit: &Option<Limit>, outside: Ordering| {
            limit.as_ref().is_none_or(|limit| match limit.bound.compare(value, kind, now) {
                Some(Ordering::Equal) => limit.inclusive,
                Some(order) => order != outside,
                None => false,
            })
        };
        within(&self.from, Ordering::Less) && within(&self.to, Ordering::Greater)
    }
}

impl Bound {
    /// How the value compares with this bound; `None` if it cannot be compared.
    fn compare(&self, value: &Scalar<'_>, kind: Kind, now: Time) -> Option<Ordering> {
        match self {
            Self::Number(bound) => Some(value.integer()?.cmp(bound)),
            Self::Text(bound) => match value {
                Scalar::Text(text) => Some((**text).cmp(bound.as_str())),
                Scalar::Literal(_) => None,
            },
            Self::Time(_) | Self::Now(_) if kind != Kind::Date => None,
            Self::Time(_) | Self::Now(_) => Some(value.time()?.cmp(&self.time(now)?)),
        }
    }

    /// The point in time that it is; `None` if it is none.
    pub(super) fn time(&self, now: Time) -> Option<Time> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Now(offset) => Some(now.plus_millis(*offset)),
            Self::Number(_) | Self::Text(_) => None,
        }
    }
}

/// Reads `now`, `now-300s`, `now+1d`: how many milliseconds from now. `None` for what is not served:
/// months and years, which differ in length, several steps, and rounding.
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
