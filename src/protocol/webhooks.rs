//! How a connector's object delivers webhook messages. [`crate::webhook`] decides which messages there are.
//!
//! Each target has a position in the history. Collecting turns the changes after it into messages, which
//! are stored together with the new position, then sent one by one, in order, until one fails. Messages
//! that are given up are counted; the count is reported in the next message and to the Directory.

use super::outbox::REPORT_AFTER_MS;
use crate::values::sorted::SortedMap;
use crate::webhook::{
    Change, Collected, EventType, HELD_LIMIT, Next, Notification, Outcome, Progress, Reply,
    Settings, TIME_LIMIT_MS, Target, collect,
};

/// When the alarm checks on a message that was being sent: a crash may have interrupted it.
pub(super) const SENDING_LIMIT_MS: u64 = TIME_LIMIT_MS + 5_000;

/// An object's webhook state, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Webhooks {
    positions: Option<SortedMap<String, Position>>,
    /// Attempts that were not reported to the Directory, by target.
    attempts: SortedMap<String, Attempts>,
    /// When sending began, by target.
    sending: SortedMap<String, u64>,
    /// Whether the alarm is set to check for silence.
    has_silence_alarm: bool,
}

/// A target's position, and whether changes are held back from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    progress: Progress,
    is_held: bool,
    /// The number of messages given up, and the number last reported to the Directory.
    given_up: u64,
    reported: u64,
    /// Whether it must be reported to the Directory that the target returned 410.
    is_end_unreported: bool,
}

/// Delivery attempts to a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempts {
    pub all: u64,
    pub failed: u64,
}

/// The state of the connector for [`Webhooks::collect`].
#[derive(Clone, Copy, Debug)]
pub struct CollectContext<'a> {
    pub settings: &'a Settings,
    /// The version of the last change.
    pub changed: u64,
    /// In milliseconds since 1970.
    pub last_seen: Option<u64>,
    pub now: u64,
    /// Whether changes may be held back.
    pub holds: bool,
}

/// New positions and notifications, which must be stored in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// By target.
    pub rows: Vec<(String, Progress)>,
    /// By target.
    pub notifications: Vec<(String, Notification)>,
    next: Vec<(String, Position)>,
}

/// A pending message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PendingMessage {
    /// The number of its row. Messages are sent in this order.
    pub n: u64,
    pub id: String,
    /// The event type.
    pub kind: String,
    pub body: String,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
    pub attempts: usize,
    pub next_at: u64,
    /// The number of messages given up before it that no message has reported as missing.
    pub missed: u64,
    /// The number that this message already reports as missing: `data.missed` in its body. An earlier attempt
    /// may have been interrupted.
    pub missed_in_body: u64,
}

/// The next step for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Wait for the alarm.
    Wait,
    /// Ask the Directory whether a summary replaces the message; if not, send it.
    Ask,
    /// Send the message.
    Send,
}

/// A message's state after an attempt, or after a summary replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewState {
    pub attempts: usize,
    pub next: Next,
    /// The final state, as shown to users; `None`: it is pending.
    pub outcome: Option<&'static str>,
    was_tried: bool,
}

/// What a heartbeat means for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing: the alarm checks it, or no target subscribes to it.
    Nothing,
    /// It ends a silence.
    AfterSilence,
    /// An alarm must be set to check for silence.
    WithoutAlarm,
}

impl Webhooks {
    /// Whether positions have been read.
    pub fn is_open(&self) -> bool {
        self.positions.is_some()
    }

    /// To be called with the stored positions: the name, the progress, and the number of messages given up.
    pub fn open(&mut self, rows: impl IntoIterator<Item = (String, Progress, u64)>) {
        let position = |(name, progress, given_up): (String, Progress, u64)| {
            let is_end_unreported = progress.gone.is_some();
            (name, Position { progress, given_up, is_end_unreported, ..Position::default() })
        };
        self.positions = Some(rows.into_iter().map(position).collect());
    }

    fn position(&self, target: &Target) -> Option<&Position> {
        self.positions.as_ref()?.get(&target.name)
    }

    fn position_mut(&mut self, name: &str) -> Option<&mut Position> {
        self.positions.as_mut()?.get_mut(name)
    }

    /// The targets that start with the next change: new ones, and those whose URL has changed since it
    /// returned 410.
    pub fn new_targets<'a>(&self, settings: &'a Settings) -> Vec<&'a Target> {
        let is_known = |target: &&Target| {
            self.position(target).is_some_and(|it| {
                it.progress.gone.as_ref().is_none_or(|gone| *gone == target.fingerprint)
            })
        };
        settings.targets.iter().filter(|target| !is_known(target)).collect()
    }

    /// The targets that get messages about this connector.
    pub fn active_targets<'a>(&self, settings: &'a Settings) -> Vec<&'a Target> {
        let is_active = |target: &&Target| {
            self.position(target).is_some_and(|position| position.progress.gone.is_none())
        };
        settings.targets.iter().filter(is_active).collect()
    }

    /// Starts targets at a version.
    pub fn begin(&self, targets: &[&Target], seq: u64, is_failing: bool) -> Batch {
        let mut batch = Batch::default();
        for target in targets {
            let progress = Progress { seq, is_failing, ..Progress::default() };
            let before = self.position(target).cloned().unwrap_or_default();
            batch.rows.push((target.name.clone(), progress.clone()));
            batch.next.push((target.name.clone(), Position { progress, is_held: false, ..before }));
        }
        batch
    }

    /// Whether a target lags so far behind that changes must be collected before the alarm: the history is
    /// pruned.
    pub fn is_lagging(&self, settings: &Settings, changed: u64) -> bool {
        let active = self.active_targets(settings).into_iter();
        let seqs = active.filter_map(|target| Some(self.position(target)?.progress.seq));
        seqs.min().is_some_and(|seq| changed.saturating_sub(seq) >= HELD_LIMIT as u64)
    }

    /// Makes the notifications for all targets. `changes_after` reads the history.
    pub fn collect<E>(
        &self,
        context: CollectContext<'_>,
        changes_after: impl Fn(u64) -> Result<Vec<Change>, E>,
    ) -> Result<Batch, E> {
        let CollectContext { settings, changed, last_seen, now, holds } = context;
        let mut batch = Batch::default();
        for target in self.active_targets(settings) {
            let Some(position) = self.position(target) else { continue };
            let before = &position.progress;
            let changes =
                if changed > before.seq { changes_after(before.seq)? } else { Vec::new() };
            let collected = collect(target, settings, before, &changes, last_seen, now, holds);
            let Collected { mut progress, notifications, is_held, is_new } = collected;
            if !is_held {
                // Changes that are not status changes need not be read again.
                progress.seq = progress.seq.max(changed);
            }
            let name = &target.name;
            batch.notifications.extend(notifications.into_iter().map(|it| (name.clone(), it)));
            if is_new {
                batch.rows.push((name.clone(), progress.clone()));
            }
            batch.next.push((name.clone(), Position { progress, is_held, ..position.clone() }));
        }
        Ok(batch)
    }

    /// To be called when a batch is stored. `given_up`: the number of messages given up, by target, because
    /// too many are pending.
    pub fn stored(&mut self, batch: Batch, given_up: &[(String, u64)]) {
        if let Some(positions) = &mut self.positions {
            positions.extend(batch.next);
        }
        for (name, count) in given_up {
            if let Some(position) = self.position_mut(name) {
                position.given_up += count;
            }
        }
    }

    /// Starts sending to a target if its next message is due and none is being sent.
    pub fn begin_sending(
        &mut self,
        target: &Target,
        next: Option<&PendingMessage>,
        now: u64,
    ) -> bool {
        let is_due = next.is_some_and(|message| message.next_at <= now);
        let begins = is_due && !self.is_sending(&target.name);
        if begins {
            self.mark_sending(target, now);
        }
        begins
    }

    pub fn mark_sending(&mut self, target: &Target, now: u64) {
        self.sending.insert(target.name.clone(), now);
    }

    pub fn is_sending(&self, name: &str) -> bool {
        self.sending.contains_key(name)
    }

    /// Whether nothing is being sent.
    pub fn is_idle(&self) -> bool {
        self.sending.is_empty()
    }

    /// Ends sending to a target. Returns whether there are failed attempts to report to the Directory.
    pub fn end_sending(&mut self, target: &Target) -> bool {
        self.sending.remove(&target.name);
        self.attempts(target).failed > 0
    }

    /// Takes the losses to report to the Directory: the number of messages given up, and the fingerprint of
    /// a URL that returned 410.
    pub fn take_losses(&mut self, target: &Target) -> Option<(Option<u64>, Option<String>)> {
        let it = self.position_mut(&target.name)?;
        let given_up = (it.given_up > it.reported).then_some(it.given_up);
        it.reported = it.given_up;
        let is_end_unreported = std::mem::take(&mut it.is_end_unreported);
        let gone = it.progress.gone.clone().filter(|_| is_end_unreported);
        (given_up.is_some() || gone.is_some()).then_some((given_up, gone))
    }

    /// Attempts that were not reported to the Directory.
    pub fn attempts(&self, target: &Target) -> Attempts {
        self.attempts.get(&target.name).copied().unwrap_or_default()
    }

    pub fn attempts_reported(&mut self, target: &Target, reported: Attempts) {
        if let Some(attempts) = self.attempts.get_mut(&target.name) {
            attempts.all = attempts.all.saturating_sub(reported.all);
            attempts.failed = attempts.failed.saturating_sub(reported.failed);
        }
    }

    /// To be called when the new state of a message is stored.
    pub fn state_stored(&mut self, target: &Target, state: &NewState) {
        if state.was_tried {
            let attempts = self.attempts.get_or_insert_default(target.name.clone());
            attempts.all += 1;
            attempts.failed += u64::from(state.next != Next::Done(Outcome::Delivered));
        }
        let Some(position) = self.position_mut(&target.name) else { return };
        match state.next {
            Next::Done(Outcome::Gone) => {
                position.progress.gone = Some(target.fingerprint.clone());
                position.is_end_unreported = true;
            }
            Next::Done(Outcome::Failed) => position.given_up += 1,
            Next::Done(Outcome::Delivered) | Next::Retry(_) => {}
        }
    }

    /// When the alarm must run next, in milliseconds since 1970. `next_at`: when the next message to a target
    /// is due.
    pub fn next_alarm(
        &mut self,
        settings: &Settings,
        last_seen: Option<u64>,
        next_at: impl Fn(&Target) -> Option<u64>,
    ) -> Option<u64> {
        let silent_at = self.silent_at(settings, last_seen);
        self.has_silence_alarm = silent_at.is_some();
        let of_target = |target: &Target| {
            let message = match self.sending.get(&target.name) {
                Some(since) => Some(since + SENDING_LIMIT_MS),
                None => next_at(target),
            };
            let held = self.position(target).filter(|it| it.is_held);
            message.into_iter().chain(held.map(|it| it.progress.quiet_until)).min()
        };
        settings.targets.iter().filter_map(of_target).chain(silent_at).min()
    }

    /// When the connector becomes silent, if a target must be notified of that.
    fn silent_at(&self, settings: &Settings, last_seen: Option<u64>) -> Option<u64> {
        let seen = last_seen?;
        let must_notify = |target: &Target| {
            target.wants_silence_events()
                && self.position(target).is_some_and(|it| it.progress.silent != Some(seen))
        };
        let active = self.active_targets(settings);
        active.into_iter().any(must_notify).then(|| seen + settings.silent_after_ms)
    }

    pub fn seen(&mut self) -> Seen {
        let is_silent = |it: &Position| it.progress.silent.is_some() && it.progress.gone.is_none();
        if self.positions.as_ref().is_some_and(|known| known.values().any(is_silent)) {
            return Seen::AfterSilence;
        }
        let had_alarm = std::mem::replace(&mut self.has_silence_alarm, true);
        if had_alarm { Seen::Nothing } else { Seen::WithoutAlarm }
    }
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl PendingMessage {
    pub fn step(&self, now: u64) -> Step {
        let is_summarized = EventType::parse(&self.kind).is_some_and(EventType::is_summarized);
        match self.attempts {
            _ if self.next_at > now => Step::Wait,
            // A summary would not report what this message reports as missing.
            0 if is_summarized && self.missed_in_body == 0 => Step::Ask,
            _ => Step::Send,
        }
    }

    /// Whether it must report missing messages. A retry reports the same as the first attempt.
    pub fn must_report_missed(&self) -> bool {
        self.attempts == 0 && self.missed > 0
    }

    /// Since when it is pending, if that counts as late by the time of the next attempt.
    pub fn late_since(&self, now: u64) -> Option<u64> {
        let waits_ms = now.max(self.next_at).saturating_sub(self.made);
        (waits_ms >= REPORT_AFTER_MS).then_some(self.made)
    }

    /// The new state. `reply`: to an attempt that has just ended; `None`: a summary replaces the message.
    pub fn next_state(&self, settings: &Settings, reply: Option<&Reply>, now: u64) -> NewState {
        let attempts = self.attempts + usize::from(reply.is_some());
        let next = reply.map_or(Next::Done(Outcome::Delivered), |reply| {
            Next::after(settings, &self.id, attempts, self.made, reply, now)
        });
        let outcome = if reply.is_some() { next.state() } else { Some("summarized") };
        NewState { attempts, next, outcome, was_tried: reply.is_some() }
    }
}
