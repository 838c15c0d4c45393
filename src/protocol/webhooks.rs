//! What a connector's object tells webhooks, and what becomes of it. Which messages there are is decided
//! in [`crate::webhook`].
//!
//! Each target has a position: how far in the history it is. A look at the history makes messages, which
//! are stored with the new position, then sent one by one, in order, until one fails. What is given up is
//! counted: the next message says it, and the Directory is told.

use super::outbox::REPORT_AFTER_MS;
use crate::values::sorted::SortedMap;
use crate::webhook::{
    Change, Collected, EventType, HELD_LIMIT, Happening, Next, Outcome, Progress, Reply, Settings,
    TIME_LIMIT_MS, Target, collect,
};

/// When the alarm looks for a message that was being sent: somebody may have ended the process.
const SENDING_LIMIT_MS: u64 = TIME_LIMIT_MS + 5_000;

/// What an object remembers of webhooks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Webhooks {
    positions: Option<SortedMap<String, Position>>,
    /// Attempts that the Directory has not been told of, by target.
    attempts: SortedMap<String, Attempts>,
    /// Since when a message is being sent, by target.
    sending: SortedMap<String, u64>,
    /// Will the alarm look whether the connector is silent?
    is_watched: bool,
}

/// How far a target is, and whether changes are held back from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    progress: Progress,
    is_held: bool,
    /// How many messages were given up, and of how many the Directory is about to know.
    given_up: u64,
    reported: u64,
    /// May the Directory not know that the target has answered 410?
    is_end_unreported: bool,
}

/// Attempts to send something to a target, and how many of them have failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attempts {
    /// All of them.
    pub all: u64,
    /// Those that have failed.
    pub failed: u64,
}

/// How the connector is, where its history is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// What is set.
    pub settings: &'a Settings,
    /// The version of the last change.
    pub changed: u64,
    /// When the connector was last seen, in milliseconds since 1970.
    pub last_seen: Option<u64>,
    /// The time.
    pub now: u64,
    /// May changes be held back?
    pub holds: bool,
}

/// What is to be stored after a look, all of it or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// How far targets are.
    pub rows: Vec<(String, Progress)>,
    /// What they are to be told.
    pub happenings: Vec<(String, Happening)>,
    next: Vec<(String, Position)>,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// The number of its row: the order of messages.
    pub n: u64,
    /// Its id.
    pub id: String,
    /// What it is about.
    pub kind: String,
    /// What is sent.
    pub body: String,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
    /// How often it was tried to send it.
    pub attempts: usize,
    /// When it is sent next.
    pub next_at: u64,
    /// How many messages before it were given up and not said to be missing.
    pub missed: u64,
    /// How many it says are missing: an attempt may have been cut short.
    pub says: u64,
}

/// What is to be done next for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing, until the alarm.
    Rest,
    /// Ask the Directory whether a summary says it; then send it, unless one does.
    Ask,
    /// Send it.
    Send,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How often it was tried to send it.
    pub attempts: usize,
    /// What is to be done with it.
    pub next: Next,
    /// What became of it, as it is shown; `None`: it waits.
    pub outcome: Option<&'static str>,
    was_tried: bool,
}

/// What a heartbeat means for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing: the alarm will look at it, or nobody asks.
    Nothing,
    /// The connector was silent.
    Again,
    /// No alarm is known to be set.
    Unwatched,
}

impl Webhooks {
    /// Were positions read?
    pub fn is_open(&self) -> bool {
        self.positions.is_some()
    }

    /// To be called when positions were read: names, how far they are, how many messages were given up.
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

    /// The targets that begin with the next change: those that are new, and those that have answered 410
    /// with another URL.
    pub fn new_targets<'a>(&self, settings: &'a Settings) -> Vec<&'a Target> {
        let is_known = |target: &&Target| {
            self.position(target).is_some_and(|it| {
                it.progress.gone.as_ref().is_none_or(|gone| *gone == target.fingerprint)
            })
        };
        settings.targets.iter().filter(|target| !is_known(target)).collect()
    }

    /// The targets that are told of this connector.
    pub fn told_targets<'a>(&self, settings: &'a Settings) -> Vec<&'a Target> {
        let is_told = |target: &&Target| {
            self.position(target).is_some_and(|position| position.progress.gone.is_none())
        };
        settings.targets.iter().filter(is_told).collect()
    }

    /// Begins with targets at a version: what is to be stored.
    pub fn begin(&self, targets: &[&Target], seq: u64, is_failing: bool) -> News {
        let mut news = News::default();
        for target in targets {
            let progress = Progress { seq, is_failing, ..Progress::default() };
            let before = self.position(target).cloned().unwrap_or_default();
            news.rows.push((target.name.clone(), progress.clone()));
            news.next.push((target.name.clone(), Position { progress, is_held: false, ..before }));
        }
        news
    }

    /// Has so much happened since a target was last told that the alarm must not be waited for? The history
    /// is pruned.
    pub fn is_far_behind(&self, settings: &Settings, changed: u64) -> bool {
        let told = self.told_targets(settings).into_iter();
        let seqs = told.filter_map(|target| Some(self.position(target)?.progress.seq));
        seqs.min().is_some_and(|seq| changed.saturating_sub(seq) >= HELD_LIMIT as u64)
    }

    /// Looks what has happened, and what targets are to be told of it. `changes_after` reads the history.
    ///
    /// # Errors
    /// If the history cannot be read.
    pub fn collect<E>(
        &self,
        look: Look<'_>,
        changes_after: impl Fn(u64) -> Result<Vec<Change>, E>,
    ) -> Result<News, E> {
        let Look { settings, changed, last_seen, now, holds } = look;
        let mut news = News::default();
        for target in self.told_targets(settings) {
            let Some(position) = self.position(target) else { continue };
            let before = &position.progress;
            let changes = match changed > before.seq {
                true => changes_after(before.seq)?,
                false => Vec::new(),
            };
            let collected = collect(target, settings, before, &changes, last_seen, now, holds);
            let Collected { mut progress, happenings, is_held, is_new } = collected;
            if !is_held {
                // What is no change of status need not be looked at again.
                progress.seq = progress.seq.max(changed);
            }
            let name = &target.name;
            news.happenings.extend(happenings.into_iter().map(|it| (name.clone(), it)));
            if is_new {
                news.rows.push((name.clone(), progress.clone()));
            }
            news.next.push((name.clone(), Position { progress, is_held, ..position.clone() }));
        }
        Ok(news)
    }

    /// To be called when news are stored. `given_up`: for which targets how many messages were given up,
    /// because too many wait.
    pub fn stored(&mut self, news: News, given_up: &[(String, u64)]) {
        if let Some(positions) = &mut self.positions {
            positions.extend(news.next);
        }
        for (name, count) in given_up {
            if let Some(position) = self.position_mut(name) {
                position.given_up += count;
            }
        }
    }

    /// Begins to send to a target, if its next message is due and none is being sent.
    pub fn begin_sending(&mut self, target: &Target, waiting: Option<&Waiting>, now: u64) -> bool {
        let is_due = waiting.is_some_and(|message| message.next_at <= now);
        let begins = is_due && !self.is_sending(&target.name);
        if begins {
            self.note_sending(target, now);
        }
        begins
    }

    /// Notes that a message is being sent.
    pub fn note_sending(&mut self, target: &Target, now: u64) {
        self.sending.insert(target.name.clone(), now);
    }

    /// Is something being sent to a target?
    pub fn is_sending(&self, name: &str) -> bool {
        self.sending.contains_key(name)
    }

    /// Is nothing being sent?
    pub fn is_idle(&self) -> bool {
        self.sending.is_empty()
    }

    /// Notes that nothing is sent to a target any longer; tells whether attempts have failed of which the
    /// Directory has not been told.
    pub fn end_sending(&mut self, target: &Target) -> bool {
        self.sending.remove(&target.name);
        self.attempts(target).failed > 0
    }

    /// Takes what the Directory may not know of what a target will not get: how many messages were given
    /// up, and the fingerprint of a URL that has answered 410.
    pub fn take_losses(&mut self, target: &Target) -> Option<(Option<u64>, Option<String>)> {
        let it = self.position_mut(&target.name)?;
        let given_up = (it.given_up > it.reported).then_some(it.given_up);
        it.reported = it.given_up;
        let is_end_unreported = std::mem::take(&mut it.is_end_unreported);
        let gone = it.progress.gone.clone().filter(|_| is_end_unreported);
        (given_up.is_some() || gone.is_some()).then_some((given_up, gone))
    }

    /// Attempts that the Directory has not been told of.
    pub fn attempts(&self, target: &Target) -> Attempts {
        self.attempts.get(&target.name).copied().unwrap_or_default()
    }

    /// Notes that the Directory has been told of attempts.
    pub fn attempts_told(&mut self, target: &Target, told: Attempts) {
        if let Some(attempts) = self.attempts.get_mut(&target.name) {
            attempts.all = attempts.all.saturating_sub(told.all);
            attempts.failed = attempts.failed.saturating_sub(told.failed);
        }
    }

    /// Notes what became of a message.
    pub fn settled(&mut self, target: &Target, settled: &Settled) {
        if settled.was_tried {
            let attempts = self.attempts.at(target.name.clone());
            attempts.all += 1;
            attempts.failed += u64::from(settled.next != Next::Done(Outcome::Delivered));
        }
        let Some(position) = self.position_mut(&target.name) else { return };
        match settled.next {
            Next::Done(Outcome::Gone) => {
                position.progress.gone = Some(target.fingerprint.clone());
                position.is_end_unreported = true;
            }
            Next::Done(Outcome::Failed) => position.given_up += 1,
            Next::Done(Outcome::Delivered) | Next::Again(_) => {}
        }
    }

    /// When the alarm is needed next, in milliseconds since 1970. `next_at`: when a target is sent its next
    /// message.
    pub fn next_alarm(
        &mut self,
        settings: &Settings,
        last_seen: Option<u64>,
        next_at: impl Fn(&Target) -> Option<u64>,
    ) -> Option<u64> {
        let silent_at = self.silent_at(settings, last_seen);
        self.is_watched = silent_at.is_some();
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

    /// When the connector is silent, if somebody wants to hear of it and has not.
    fn silent_at(&self, settings: &Settings, last_seen: Option<u64>) -> Option<u64> {
        let seen = last_seen?;
        let waits = |target: &Target| {
            target.minds_silence()
                && self.position(target).is_some_and(|it| it.progress.silent != Some(seen))
        };
        let told = self.told_targets(settings);
        told.into_iter().any(waits).then(|| seen + settings.silent_after_ms)
    }

    /// What a heartbeat means.
    pub fn seen(&mut self) -> Seen {
        let is_silent = |it: &Position| it.progress.silent.is_some() && it.progress.gone.is_none();
        if self.positions.as_ref().is_some_and(|known| known.values().any(is_silent)) {
            return Seen::Again;
        }
        match std::mem::replace(&mut self.is_watched, true) {
            true => Seen::Nothing,
            false => Seen::Unwatched,
        }
    }
}

impl News {
    /// Is there nothing to be stored?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl Waiting {
    /// What is to be done next.
    pub fn step(&self, now: u64) -> Step {
        let is_summarized = EventType::parse(&self.kind).is_some_and(EventType::is_summarized);
        match self.attempts {
            _ if self.next_at > now => Step::Rest,
            // A summary would not say what it says.
            0 if is_summarized && self.says == 0 => Step::Ask,
            _ => Step::Send,
        }
    }

    /// Has it to say how many before it are missing? What is repeated says what it said before.
    pub fn says_missed(&self) -> bool {
        self.attempts == 0 && self.missed > 0
    }

    /// Since when it has waited, if that is for a while, or will be when it is sent next.
    pub fn late_since(&self, now: u64) -> Option<u64> {
        let waits_ms = now.max(self.next_at).saturating_sub(self.made);
        (waits_ms >= REPORT_AFTER_MS).then_some(self.made)
    }

    /// What became of it. `reply`: to an attempt that has just ended; `None`: a summary says it.
    pub fn settle(&self, settings: &Settings, reply: Option<&Reply>, now: u64) -> Settled {
        let attempts = self.attempts + usize::from(reply.is_some());
        let next = reply.map_or(Next::Done(Outcome::Delivered), |reply| {
            Next::after(settings, &self.id, attempts, self.made, reply, now)
        });
        let outcome = if reply.is_some() { next.state() } else { Some("summarized") };
        Settled { attempts, next, outcome, was_tried: reply.is_some() }
    }
}
