//! Turns a connector's status changes into a target's notifications.

use serde::Deserialize;

use super::message::{EventType, Notification};
use super::{Settings, Target};
use crate::status::Status;
use crate::values::Time;

/// From this many changes on, they are collected at once instead of being held back or left for a late
/// alarm: the history keeps few more.
pub const HELD_LIMIT: usize = 500;

/// A target's progress in a connector's history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The version of the last change that was processed.
    pub seq: u64,
    /// Whether the connector has failed and not been connected since.
    pub is_failing: bool,
    /// Changes are held back until this time, in milliseconds since 1970.
    pub quiet_until: u64,
    /// The last check-in before the connector fell silent; `None`: it isn't silent.
    pub silent: Option<u64>,
    /// The fingerprint of a URL that returned 410.
    pub gone: Option<String>,
}

/// A change of status, from the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version after the change.
    pub seq: u64,
    /// `None`: the connector was created or imported.
    pub from: Option<Status>,
    pub to: Status,
    pub at: String,
    /// Whether the connector was created, or created again.
    pub creates: bool,
}

/// A row of the history.
#[derive(Clone, Debug, Deserialize)]
pub struct ChangeRow {
    pub seq: u64,
    pub from: Option<String>,
    pub to: String,
    pub at: String,
    /// The API endpoint that made the change.
    pub via: String,
}

impl Change {
    pub fn from_row(row: &ChangeRow) -> Option<Self> {
        Some(Self {
            seq: row.seq,
            from: row.from.as_deref().and_then(Status::parse),
            to: Status::parse(&row.to)?,
            at: row.at.clone(),
            creates: row.via == "_create",
        })
    }

    /// The change's event, apart from [`EventType::Status`], and whether the connector is failing after it.
    fn classify(&self, is_failing: bool) -> (Option<EventType>, bool) {
        match (self.from, self.to) {
            _ if self.creates => (None, false),
            // An imported connector hasn't changed.
            (None, to) => (None, to == Status::Error),
            (Some(_), Status::Error) => (Some(EventType::Error), true),
            (Some(_), Status::NeedsConfiguration) => {
                (Some(EventType::NeedsConfiguration), is_failing)
            }
            (Some(_), Status::Connected) => (is_failing.then_some(EventType::Recovered), false),
            (Some(_), Status::Created | Status::Configured) => (None, is_failing),
        }
    }

    /// Whether it is notified as [`EventType::Status`].
    fn is_status_change(&self) -> bool {
        self.from.is_some() || self.creates
    }

    fn millis(&self) -> u64 {
        Time::parse(&self.at).and_then(Time::unix_millis).unwrap_or_default()
    }
}

/// The result of [`collect`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub progress: Progress,
    /// In order.
    pub notifications: Vec<Notification>,
    /// Whether changes are held back until `progress.quiet_until`.
    pub is_held: bool,
    /// Whether the progress must be stored. If not, it can be computed again.
    pub is_new: bool,
}

/// A change, or the start or end of silence.
enum Event<'a> {
    Change(&'a Change),
    Silent(u64),
    SeenAgain(u64),
}

/// Makes notifications of the changes after the target's progress, the oldest first, and of the last
/// check-in. After a quiet period the first change is notified at once; later ones are held back until the
/// next period ends, and become one notification. `holds`: whether changes may be held back now.
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
    // Changes older than the retry period are skipped: the target was unreachable for that long.
    let limit = now.saturating_sub(settings.retry_period_ms() + settings.damping_ms);
    let (old, changes) = changes.split_at(changes.partition_point(|it| it.millis() < limit));
    for change in old {
        collected.progress.seq = change.seq;
        collected.progress.is_failing = change.classify(collected.progress.is_failing).1;
    }
    let events = in_order(target, settings, progress, changes, last_seen, now);
    let is_damped = settings.damping_ms > 0;
    if is_damped
        && holds
        && now < progress.quiet_until
        && events.len() == changes.len()
        && changes.len() < HELD_LIMIT
        && !notify(target, &mut { collected.progress.is_failing }, changes.iter().collect())
            .is_empty()
    {
        collected.is_held = true;
        return collected;
    }
    let Collected { progress: next, notifications, .. } = &mut collected;
    let mut group = Vec::new();
    let flush = |group: &mut Vec<_>, next: &mut Progress, notifications: &mut Vec<Notification>| {
        let before = notifications.len();
        if is_damped {
            let changes = std::mem::take(group);
            notifications.extend(notify(target, &mut next.is_failing, changes));
        } else {
            for change in group.drain(..) {
                notifications.extend(notify(target, &mut next.is_failing, vec![change]));
            }
        }
        if is_damped && notifications.len() > before {
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
                flush(&mut group, next, notifications);
                next.silent = Some(seen);
                (EventType::Silent, seen + settings.silent_after_ms, seen)
            }
            Event::SeenAgain(at) => {
                flush(&mut group, next, notifications);
                (EventType::SeenAgain, at, next.silent.take().unwrap_or(at))
            }
        };
        if target.wants(event) {
            notifications.push(Notification {
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
    flush(&mut group, next, notifications);
    if last_seen.is_none() {
        next.silent = None;
    }
    collected.is_new =
        !collected.notifications.is_empty() || collected.progress.silent != progress.silent;
    collected
}

/// Merges the start and end of silence into the changes, by time.
fn in_order<'a>(
    target: &Target,
    settings: &Settings,
    progress: &Progress,
    changes: &'a [Change],
    last_seen: Option<u64>,
    now: u64,
) -> Vec<Event<'a>> {
    let mut events: Vec<_> = changes.iter().map(Event::Change).collect();
    let Some(seen) = last_seen.filter(|_| target.wants_silence_events()) else { return events };
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

/// Makes one notification of some changes, about the last event that the target subscribes to, and one
/// about the change of status if it subscribes to that.
fn notify(target: &Target, is_failing: &mut bool, changes: Vec<&Change>) -> Vec<Notification> {
    let mut event = None;
    let mut events_from = None;
    let mut changes_from = None;
    for (n, change) in changes.iter().enumerate() {
        let (classified, failing) = change.classify(*is_failing);
        *is_failing = failing;
        if let Some(wanted) = classified.filter(|event| target.wants(*event)) {
            event = Some(wanted);
            events_from.get_or_insert(n);
        }
        if target.wants(EventType::Status) && change.is_status_change() {
            changes_from.get_or_insert(n);
        }
    }
    let all = [(event, events_from), (Some(EventType::Status), changes_from)];
    let notification = |(event, from): (Option<EventType>, Option<usize>)| {
        let changes = changes.get(from?..)?;
        let (first, last) = (changes.first()?, changes.last()?);
        Some(Notification {
            event: event?,
            at: last.at.clone(),
            seq: last.seq,
            from: first.from,
            to: Some(last.to),
            changes: changes.len(),
            seen: None,
        })
    };
    all.into_iter().filter_map(notification).collect()
}
