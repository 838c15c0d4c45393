//! `_refresh`: a search that begins after it shows every change that was acknowledged before it.
//!
//! Time passes in steps. A message that takes longer than a second has failed for its sender, but may
//! still arrive.

use std::fmt;

use connector_status::protocol::outbox::{Alarm, DIRECTORY_GAP_MS, Pace, Turn};
use connector_status::protocol::refresh::{Lease, Next, Recent, next};
use stateright::{Model, Property};

use crate::network::Budget;

const START: u64 = 1_800_000_000_000;
/// How long callers wait.
const LIMIT: u64 = 1_000;
const ALARM_AFTER: u64 = 2_000;

/// Who waits for the reply to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Caller {
    /// The outbox's loop.
    Loop,
    /// A change that is acknowledged after it.
    Change,
    /// A refresh.
    Flush,
}

/// A message to the Directory, and its reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    version: u8,
    sent_at: u64,
    caller: Caller,
    /// Whether the caller still waits for the reply.
    is_awaited: bool,
    /// The reply, if the Directory has the message: whether the version was new.
    reply: Option<bool>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, sent_at, .. } = self;
        write!(f, "version {version}, sent at {} ms", sent_at - START)
    }
}

/// Where a refresh's question to the object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Question {
    Sent,
    /// The object is sending this version.
    Waits(u8),
    Answered,
}

/// A refresh in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Refresh {
    since: u64,
    /// The version that later searches must show.
    version: u8,
    question: Question,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    step: u64,
    // The object: what it stores.
    version: u8,
    stored: u8,
    alarm_at: Option<u64>,
    // What it has in memory.
    cursor: u8,
    pace: Pace,
    wake_at: Option<u64>,
    alarm: Alarm,
    lease: Lease,
    /// Changes that are not acknowledged, with the time of their commit.
    changes: Vec<(u8, u64)>,
    calls: Vec<Call>,
    // The Directory: its row, and when that was written.
    known: u8,
    known_at: u64,
    // What it has in memory: since when, and when it last heard from the object.
    since: u64,
    heard: Option<u64>,
    refresh: Option<Refresh>,
    /// The newest version that was acknowledged, and the newest that searches must show.
    acknowledged: u8,
    refreshed: u8,
    left: Budget,
    refreshes: u8,
    restarts: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Change,
    Wait,
    Wake,
    AlarmRuns,
    Arrive(Call),
    Reply(Call),
    Fail(Call),
    Refresh,
    Ask,
    Crash,
    DirectoryRestarts,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change => f.write_str("the connector is changed"),
            Self::Wait => f.write_str("time passes"),
            Self::Wake => f.write_str("the outbox's loop continues"),
            Self::AlarmRuns => f.write_str("the alarm runs"),
            Self::Arrive(call) => write!(f, "arrives: {call}"),
            Self::Reply(call) => write!(f, "the reply arrives: {call}"),
            Self::Fail(call) => write!(f, "times out or fails: {call}"),
            Self::Refresh => f.write_str("_refresh starts"),
            Self::Ask => f.write_str("_refresh asks the object to send what is pending"),
            Self::Crash => f.write_str("the object crashes and restarts"),
            Self::DirectoryRestarts => f.write_str("the Directory crashes and restarts"),
        }
    }
}

impl State {
    fn new(of: &Searches) -> Self {
        Self {
            now: START,
            step: of.step,
            version: 0,
            stored: 0,
            alarm_at: None,
            cursor: 0,
            pace: Pace::default(),
            wake_at: None,
            alarm: Alarm::default(),
            lease: Lease::default(),
            changes: Vec::new(),
            calls: Vec::new(),
            known: 0,
            known_at: 0,
            // It has been running for a long time.
            since: 0,
            heard: None,
            refresh: None,
            acknowledged: 0,
            refreshed: 0,
            left: of.budget,
            refreshes: of.refreshes,
            restarts: of.restarts,
        }
    }

    fn is_pending(&self) -> bool {
        self.cursor < self.version
    }

    fn set_alarm(&mut self) {
        if self.alarm.request() {
            self.alarm_at = Some(self.now + ALARM_AFTER);
        }
    }

    fn change(&mut self) {
        self.version += 1;
        self.changes.push((self.version, self.now));
        self.set_alarm();
        self.acknowledge_or_send();
        self.begin();
    }

    /// Acknowledges changes, or sends an update first.
    fn acknowledge_or_send(&mut self) {
        for (version, since) in std::mem::take(&mut self.changes) {
            let is_sending = self.calls.iter().any(|call| call.is_awaited);
            match next(self.is_pending(), self.lease, is_sending, self.now) {
                Next::Acknowledge => {
                    self.acknowledged = self.acknowledged.max(version);
                    continue;
                }
                Next::Wait => {}
                Next::Send => {
                    self.pace.mark(self.now);
                    self.call(Caller::Change);
                }
            }
            self.changes.push((version, since));
        }
    }

    fn call(&mut self, caller: Caller) {
        let (version, sent_at) = (self.version, self.now);
        self.calls.push(Call { version, sent_at, caller, is_awaited: true, reply: None });
        self.calls.sort();
    }

    /// Starts sending, unless that is in progress.
    fn begin(&mut self) {
        if self.is_pending() && self.pace.begin() {
            self.run();
        }
    }

    fn run(&mut self) {
        loop {
            match self.pace.next(self.is_pending(), DIRECTORY_GAP_MS, self.now) {
                Turn::Wait(ms) => {
                    self.wake_at = Some(self.now + ms);
                    return;
                }
                Turn::Send => return self.call(Caller::Loop),
                Turn::SetAlarm => self.set_alarm(),
                Turn::Idle => return,
            }
        }
    }

    fn run_alarm(&mut self) {
        self.alarm_at = None;
        self.alarm.clear();
        self.begin();
        self.stored = self.cursor;
        if self.is_pending() {
            self.set_alarm();
        }
    }

    fn take(&mut self, call: &Call) {
        let place = self.calls.iter().position(|it| it == call);
        self.calls.remove(place.expect("a call in progress"));
    }

    /// The Directory has a message.
    fn arrive(&mut self, call: &Call) {
        self.take(call);
        self.heard = Some(self.now);
        let is_new = call.version > self.known;
        if is_new {
            (self.known, self.known_at) = (call.version, self.now);
        }
        if call.is_awaited {
            self.calls.push(Call { reply: Some(is_new), ..call.clone() });
            self.calls.sort();
        }
    }

    fn reply(&mut self, call: &Call) {
        self.take(call);
        self.cursor = self.cursor.max(call.version);
        // If the version was new, the row has the time of the update.
        if call.reply == Some(true) {
            self.lease.renew(call.sent_at);
        }
        self.end(call.caller, true);
    }

    fn fail(&mut self, call: &Call) {
        self.take(call);
        if call.reply.is_none() {
            self.calls.push(Call { is_awaited: false, ..call.clone() });
            self.calls.sort();
        }
        self.end(call.caller, false);
    }

    fn end(&mut self, caller: Caller, is_delivered: bool) {
        match caller {
            Caller::Loop => {
                if !is_delivered {
                    self.pace.fail();
                }
                self.run();
            }
            Caller::Change => {}
            // Retry.
            Caller::Flush if !is_delivered && self.refresh.is_some() => self.call(Caller::Flush),
            Caller::Flush => {}
        }
        if let Some(refresh) = &mut self.refresh
            && let Question::Waits(version) = refresh.question
            && self.cursor >= version
        {
            refresh.question = Question::Answered;
        }
        self.acknowledge_or_send();
    }

    fn refresh(&mut self) {
        let mut recent = Recent::new(self.since);
        if let Some(heard) = self.heard {
            recent.note("c", heard);
        }
        let rows = recent.gap(self.now).filter(|since| self.known_at > *since);
        let asked = recent.to_ask(rows.map(|_| "c".to_owned()), self.now).expect("one object");
        let (since, version) = (self.now, self.acknowledged);
        self.refresh = Some(Refresh { since, version, question: Question::Sent });
        if asked.is_empty() {
            self.acknowledge_refresh();
        }
    }

    fn acknowledge_refresh(&mut self) {
        if let Some(refresh) = self.refresh.take() {
            self.refreshed = self.refreshed.max(refresh.version);
        }
    }

    /// The object gets the question, or its answer arrives.
    fn ask(&mut self) {
        let is_pending = self.is_pending();
        let Some(refresh) = &mut self.refresh else { return };
        match refresh.question {
            Question::Sent if is_pending => {
                refresh.question = Question::Waits(self.version);
                self.pace.mark(self.now);
                self.call(Caller::Flush);
            }
            Question::Sent => refresh.question = Question::Answered,
            Question::Answered => self.acknowledge_refresh(),
            Question::Waits(_) => {}
        }
    }

    fn has_come(&self, at: Option<u64>) -> bool {
        at.is_some_and(|at| at <= self.now)
    }

    /// Whether something is due before time passes.
    fn is_due(&self) -> bool {
        let is_late = |call: &Call| call.is_awaited && self.now + self.step > call.sent_at + LIMIT;
        self.has_come(self.wake_at)
            || self.has_come(self.alarm_at)
            || self.calls.iter().any(is_late)
    }

    fn wait(&mut self) {
        self.now += self.step;
        let now = self.now;
        // A caller that has waited for a second gets a response that guarantees nothing.
        self.changes.retain(|(_, since)| now < since + LIMIT);
        if self.refresh.is_some_and(|refresh| now >= refresh.since + LIMIT) {
            self.refresh = None;
        }
    }

    fn crash(&mut self) {
        self.cursor = self.stored;
        (self.pace, self.alarm, self.lease) = Default::default();
        self.wake_at = None;
        self.changes.clear();
        self.calls.retain(|call| call.reply.is_none());
        self.calls.iter_mut().for_each(|call| call.is_awaited = false);
        self.calls.sort();
        // A question in transit starts the object; one that the object is working on is lost.
        self.refresh = self.refresh.filter(|it| !matches!(it.question, Question::Waits(_)));
    }
}

/// One connector and the Directory.
#[derive(Clone, Debug)]
pub struct Searches {
    pub budget: Budget,
    pub refreshes: u8,
    /// How often the Directory crashes.
    pub restarts: u8,
    /// The duration, and the length of a step of time, in milliseconds.
    pub lasts: u64,
    pub step: u64,
}

impl Model for Searches {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        // Without a refresh in progress or to come, nothing can be violated any more.
        if state.refreshes == 0 && state.refresh.is_none() {
            return;
        }
        if left.edits > 0 {
            actions.push(Action::Change);
        }
        if state.has_come(state.wake_at) {
            actions.push(Action::Wake);
        }
        if state.has_come(state.alarm_at) {
            actions.push(Action::AlarmRuns);
        }
        if !state.is_due() && state.now < START + self.lasts {
            actions.push(Action::Wait);
        }
        for call in &state.calls {
            match call.reply {
                None => actions.push(Action::Arrive(call.clone())),
                Some(_) => actions.push(Action::Reply(call.clone())),
            }
            if left.lost > 0 && call.is_awaited {
                actions.push(Action::Fail(call.clone()));
            }
        }
        match state.refresh {
            None if state.refreshes > 0 && state.version > 0 => actions.push(Action::Refresh),
            Some(Refresh { question: Question::Sent | Question::Answered, .. }) => {
                actions.push(Action::Ask);
            }
            _ => {}
        }
        if left.crashes > 0 && state.version > 0 {
            actions.push(Action::Crash);
        }
        if state.restarts > 0 && state.known > 0 {
            actions.push(Action::DirectoryRestarts);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Change => {
                state.left.edits -= 1;
                state.change();
            }
            Action::Wait => state.wait(),
            Action::Wake => {
                state.wake_at = None;
                state.run();
            }
            Action::AlarmRuns => state.run_alarm(),
            Action::Arrive(call) => state.arrive(&call),
            Action::Reply(call) => state.reply(&call),
            Action::Fail(call) => {
                state.left.lost -= 1;
                state.fail(&call);
            }
            Action::Refresh => {
                state.refreshes -= 1;
                state.refresh();
            }
            Action::Ask => state.ask(),
            Action::Crash => {
                state.left.crashes -= 1;
                state.crash();
            }
            Action::DirectoryRestarts => {
                state.restarts -= 1;
                (state.since, state.heard) = (state.now, None);
                // The refresh in progress is lost.
                state.refresh = None;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "searches after _refresh show what was acknowledged before",
            |_, state: &State| state.known >= state.refreshed,
        )]
    }
}

impl Searches {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let edits = if goes_far { 3 } else { 2 };
        let none = Budget::NONE;
        let of =
            |budget, restarts, lasts| Self { budget, refreshes: 1, restarts, lasts, step: 500 };
        vec![
            ("searches, bad messages", of(Budget { edits, lost: 1, ..none }, 0, 2_000)),
            ("searches, crashes", of(Budget { edits, crashes: 1, ..none }, 0, 6_500)),
            ("searches, a Directory that crashes", of(Budget { edits, ..none }, 1, 6_500)),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        let budget = Budget { edits: 8, lost: 1, crashes: 2, ..Budget::NONE };
        Self { budget, refreshes: 4, restarts: 2, lasts: 20_000, step: 250 }
    }
}
