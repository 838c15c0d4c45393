//! From changes of a connector to what a target is told of them.

use serde::Deserialize;

use super::message::{EventType, Happening};
use super::{Settings, Target};
use crate::status::Status;
use crate::values::Time;

/// So many changes are neither held back nor left in the history for the alarm, which may be late:
/// the history does not hold many more.
pub const HELD_LIMIT: usize = 500;

/// How far a target is with a connector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The version of the last change that it has been told of, or need not be.
    pub seq: u64,
    /// Has the connector failed, and not been connected since?
    pub is_failing: bool,
    /// Until when changes are held back, in milliseconds since 1970.
    pub quiet_until: u64,
    /// When the connector was last seen before it fell silent; `None`: it has not.
    pub silent: Option<u64>,
    /// The fingerprint of a URL that has answered 410.
    pub gone: Option<String>,
}

/// A change of status, as it is in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that it made.
    pub seq: u64,
    /// The status before; `None`: there was no connector here.
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
    /// When.
    pub at: String,
    /// Was the connector created by it, or created anew?
    pub creates: bool,
}

/// A row of the history.
#[derive(Clone, Debug, Deserialize)]
pub struct ChangeRow {
    /// The version.
    pub seq: u64,
    /// The status before.
    pub from: Option<String>,
    /// The status after.
    pub to: String,
    /// When.
    pub at: String,
    /// The endpoint.
    pub via: String,
}

impl Change {
    /// Reads a row of the history.
    pub fn from_row(row: &ChangeRow) -> Option<Self> {
        Some(Self {
            seq: row.seq,
            from: row.from.as_deref().and_then(Status::parse),
            to: Status::parse(&row.to)?,
            at: row.at.clone(),
            creates: row.via == "_create",
        })
    }

    /// What it is, beside a change of status; and whether the connector is failing from here on.
    fn judge(&self, is_failing: bool) -> (Option<EventType>, bool) {
        match (self.from, self.to) {
            _ if self.creates => (None, false),
            // It was taken in as it is: nothing has happened to it here.
            (None, to) => (None, to == Status::Error),
            (Some(_), Status::Error) => (Some(EventType::Error), true),
            (Some(_), Status::NeedsConfiguration) => {
                (Some(EventType::NeedsConfiguration), is_failing)
            }
            (Some(_), Status::Connected) => (is_failing.then_some(EventType::Recovered), false),
            (Some(_), Status::Created | Status::Configured) => (None, is_failing),
        }
    }

    /// Is it to be told as a change of status?
    fn is_told(&self) -> bool {
        self.from.is_some() || self.creates
    }

    fn millis(&self) -> u64 {
        Time::parse(&self.at).and_then(Time::unix_millis).unwrap_or_default()
    }
}

/// What came of a look at the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// How far the target is now.
    pub progress: Progress,
    /// What it is to be told, in order.
    pub happenings: Vec<Happening>,
    /// Changes are held back until `quiet_until`.
    pub is_held: bool,
    /// Does the progress have to be kept? Otherwise it can be found again.
    pub is_new: bool,
}

/// One of the things that have happened, in order.
enum Event<'a> {
    Change(&'a Change),
    Silent(u64),
    SeenAgain(u64),
}

/// What a target is to be told of the changes since it was last told, the oldest first, and of when
/// the connector was last seen. The first change after a quiet time is told at once; those that
/// follow are held back until the time is over, and told as one. `holds`: that may be done now.
pub fn collect(
    target: &Target,
    settings: &Settings,
    progress: &Progress,
    changes: &[Change],
    last_seen: Option<u64>,
    now: u64,
    holds: bool,
) -> Collected {
    let mut collected = Collected { progress: progress.clone(), ..Collected::default() };
    // What is older than a message may become is not told: a target that was away has come back.
    let limit = now.saturating_sub(settings.patience_ms() + settings.damping_ms);
    let (old, changes) = changes.split_at(changes.partition_point(|it| it.millis() < limit));
    for change in old {
        collected.progress.seq = change.seq;
        collected.progress.is_failing = change.judge(collected.progress.is_failing).1;
    }
    let events = in_order(target, settings, progress, changes, last_seen, now);
    let is_damped = settings.damping_ms > 0;
    if is_damped
        && holds
        && now < progress.quiet_until
        && events.len() == changes.len()
        && changes.len() < HELD_LIMIT
        && !told(target, &mut { collected.progress.is_failing }, changes.iter().collect())
            .is_empty()
    {
        collected.is_held = true;
        return collected;
    }
    let Collected { progress: next, happenings, .. } = &mut collected;
    let mut group = Vec::new();
    let flush = |group: &mut Vec<_>, next: &mut Progress, happenings: &mut Vec<Happening>| {
        let before = happenings.len();
        match is_damped {
            true => happenings.extend(told(target, &mut next.is_failing, std::mem::take(group))),
            false => {
                for change in group.drain(..) {
                    happenings.extend(told(target, &mut next.is_failing, vec![change]));
                }
            }
        }
        if is_damped && happenings.len() > before {
            next.quiet_until = now + settings.damping_ms;
        }
    };
    for event in events {
        let (event, at, seen) = match event {
            Event::Change(change) => {
                next.seq = change.seq;
                group.push(change);
                continue;
            }
            Event::Silent(seen) => {
                flush(&mut group, next, happenings);
                next.silent = Some(seen);
                (EventType::Silent, seen + settings.silent_after_ms, seen)
            }
            Event::SeenAgain(at) => {
                flush(&mut group, next, happenings);
                (EventType::SeenAgain, at, next.silent.take().unwrap_or(at))
            }
        };
        if target.wants(event) {
            happenings.push(Happening {
                event,
                at: Time::from_millis(at).to_string(),
                seq: at,
                from: None,
                to: None,
                changes: 0,
                seen: Some(seen),
            });
        }
    }
    flush(&mut group, next, happenings);
    if last_seen.is_none() {
        next.silent = None;
    }
    collected.is_new =
        !collected.happenings.is_empty() || collected.progress.silent != progress.silent;
    collected
}

/// Changes, and what there is to say of silence, by when that was.
fn in_order<'a>(
    target: &Target,
    settings: &Settings,
    progress: &Progress,
    changes: &'a [Change],
    last_seen: Option<u64>,
    now: u64,
) -> Vec<Event<'a>> {
    let mut events: Vec<_> = changes.iter().map(Event::Change).collect();
    let Some(seen) = last_seen.filter(|_| target.minds_silence()) else { return events };
    let mut insert = |at: u64, event| {
        let is_before = |other: &Event<'_>| match other {
            Event::Change(change) => change.millis() <= at,
            Event::Silent(_) | Event::SeenAgain(_) => true,
        };
        let place = events.partition_point(is_before);
        events.insert(place, event);
    };
    if progress.silent.is_some_and(|silent| silent < seen) {
        insert(seen, Event::SeenAgain(seen));
    }
    let silent_at = seen + settings.silent_after_ms;
    if silent_at <= now && progress.silent != Some(seen) {
        insert(silent_at, Event::Silent(seen));
    }
    events
}

/// What a target is told of some changes at once: the last event among them that it asks for, and
/// that the status has changed, if it asks for that.
fn told(target: &Target, is_failing: &mut bool, changes: Vec<&Change>) -> Vec<Happening> {
    let mut event = None;
    let mut events_from = None;
    let mut changes_from = None;
    for (n, change) in changes.iter().enumerate() {
        let (judged, failing) = change.judge(*is_failing);
        *is_failing = failing;
        if let Some(wanted) = judged.filter(|event| target.wants(*event)) {
            event = Some(wanted);
            events_from.get_or_insert(n);
        }
        if target.wants(EventType::Status) && change.is_told() {
            changes_from.get_or_insert(n);
        }
    }
    let all = [(event, events_from), (Some(EventType::Status), changes_from)];
    let happening = |(event, from): (Option<EventType>, Option<usize>)| {
        let changes = changes.get(from?..)?;
        let (first, last) = (changes.first()?, changes.last()?);
        Some(Happening {
            event: event?,
            at: last.at.clone(),
            seq: last.seq,
            from: first.from,
            to: Some(last.to),
            changes: changes.len(),
            seen: None,
        })
    };
    all.into_iter().filter_map(happening).collect()
}
