//! A connector's object and Workers KV: when the object considers the copy done, the copy equals
//! the connector, whatever happens to writes.

use std::fmt;

use connector_status::protocol::outbox::{
    Copied, Copy, Copying, Cursors, KV_GAP_MS, Pace, Turn, Versions,
};
use stateright::{Model, Property};

use crate::network::Budget;

/// Time passes in steps of this many milliseconds.
const STEP_MS: u64 = 5_000;
/// Longer than the time during which heartbeats are not copied.
const HALF_A_DAY_MS: u64 = 13 * 3_600_000;
/// How long after the object considers a write failed Workers KV may still carry it out.
const LATE_MS: u64 = 20_000;

/// A request that changes the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edit {
    Change,
    Heartbeat,
}

/// A write of a copy that may still be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Write {
    version: u64,
    /// Until when; `None`: the object is waiting for it.
    until: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    // Stored by the object.
    versions: Versions,
    stored: Cursors,
    is_alarm_stored: bool,
    // What it has in memory.
    cursors: Cursors,
    pace: Pace,
    copying: Copying,
    is_alarm_set: bool,
    copy: Option<Copy>,
    // Workers KV.
    kv: u64,
    writes: Vec<Write>,
    /// When the last write of the key began.
    written_at: Option<u64>,
    was_too_fast: bool,
    left: Budget,
    half_days: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Edit(Edit),
    Send,
    /// Workers KV carries out the write that the object waits for, and confirms it.
    Succeeds,
    /// Workers KV fails or times out; the write may be carried out later.
    Fails,
    /// A write that timed out is carried out.
    Late(usize),
    AlarmRuns,
    Crash,
    TimePasses,
    HalfADayPasses,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(edit) => write!(f, "{edit:?} of the connector"),
            Self::Send => f.write_str("the newest version is written to Workers KV"),
            Self::Succeeds => f.write_str("Workers KV carries out the write and confirms it"),
            Self::Fails => f.write_str("the write to Workers KV fails or times out"),
            Self::Late(n) => write!(f, "late write {n} is carried out"),
            Self::AlarmRuns => f.write_str("the alarm runs"),
            Self::Crash => f.write_str("the object crashes and restarts"),
            Self::TimePasses => write!(f, "{} s pass", STEP_MS / 1_000),
            Self::HalfADayPasses => f.write_str("half a day passes"),
        }
    }
}

impl State {
    fn is_pending(&self) -> bool {
        self.cursors.is_kv_pending(self.versions, self.now)
    }

    fn edit(&mut self, edit: Edit) {
        let version = self.versions.version + 1;
        self.versions.version = version;
        if edit == Edit::Change {
            self.versions.changed = version;
            self.set_alarm();
        }
    }

    fn set_alarm(&mut self) {
        self.is_alarm_set = true;
        self.is_alarm_stored = true;
    }

    fn begin(&mut self) {
        if self.is_pending() && self.pace.begin() {
            self.run();
        }
    }

    /// Runs the outbox's loop until it waits.
    fn run(&mut self) {
        loop {
            match self.pace.next(self.is_pending(), KV_GAP_MS, self.now) {
                Turn::Wait(_) => self.pass(STEP_MS),
                Turn::Send => return self.write(),
                Turn::SetAlarm => self.set_alarm(),
                Turn::Idle => return,
            }
        }
    }

    fn write(&mut self) {
        let is_soon = |at: u64| self.now.saturating_sub(at) < 1_000;
        self.was_too_fast |= self.written_at.is_some_and(is_soon);
        self.written_at = Some(self.now);
        let version = self.versions.version;
        self.writes.push(Write { version, until: None });
        self.writes.sort();
        self.copy = Some(Copy::begin(self.versions, self.cursors, self.now));
    }

    /// Workers KV answers, or the write times out.
    fn end(&mut self, is_written: bool) {
        let Some(copy) = self.copy.take() else { return };
        self.pace.mark(self.now);
        let until = self.now + LATE_MS;
        let n = self.writes.iter().position(|write| write.until.is_none());
        let n = n.expect("a write in progress");
        if is_written {
            self.kv = self.writes.remove(n).version;
            self.written_at = Some(self.now);
            match self.copying.succeed(copy, &mut self.cursors) {
                // Without an alarm, nothing else stores the cursor.
                Copied::Done if !self.is_alarm_set => self.stored = self.cursors,
                Copied::Done => {}
                Copied::Doubtful => self.pace.fail(),
            }
        } else {
            self.writes[n].until = Some(until);
            self.copying.fail(self.now);
            self.pace.fail();
        }
        self.writes.sort();
        self.run();
    }

    fn run_alarm(&mut self) {
        self.is_alarm_stored = false;
        self.is_alarm_set = false;
        self.stored = self.cursors;
        self.begin();
        // Waits for the loop. Until that ends, the runtime would run the alarm again after a crash.
        if self.is_pending() {
            self.set_alarm();
        }
    }

    fn crash(&mut self) {
        for write in &mut self.writes {
            write.until = write.until.or(Some(self.now + LATE_MS));
        }
        self.writes.sort();
        self.cursors = self.stored;
        // The time of the last write is unknown. If Workers KV rejects a write for that reason, it
        // has failed.
        self.written_at = None;
        (self.pace, self.copying, self.is_alarm_set, self.copy) = Default::default();
        self.copying.start(self.versions, self.cursors, self.now);
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        let now = self.now;
        self.writes.retain(|write| write.until.is_none_or(|until| now < until));
    }

    /// Whether the object considers the copy done.
    fn is_done(&self) -> bool {
        self.cursors.kv >= self.versions.changed && self.copy.is_none()
    }

    /// Whether the copy is correct and no late write will overwrite it.
    fn is_right(&self) -> bool {
        let is_late = |write: &Write| write.version < self.versions.changed;
        self.kv >= self.versions.changed && !self.writes.iter().any(is_late)
    }

    /// Whether the copy becomes correct soon after Workers KV works again.
    fn ends_well(&self) -> bool {
        let mut state = self.clone();
        for _ in 0..50 {
            if state.copy.is_some() {
                state.end(true);
            } else if state.is_alarm_stored {
                state.pass(STEP_MS / 2);
                state.run_alarm();
            } else {
                state.pass(LATE_MS + 1);
                return state.is_done() && state.is_right();
            }
        }
        false
    }
}

/// One connector and its copy.
#[derive(Clone, Debug)]
pub struct Copies {
    pub edits: Vec<Edit>,
    pub budget: Budget,
    /// How often half a day passes.
    pub half_days: u8,
    /// How many other steps of time pass.
    pub steps: u64,
}

impl Model for Copies {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let now = HALF_A_DAY_MS;
        vec![State { now, left: self.budget, half_days: self.half_days, ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.left.edits > 0 {
            actions.extend(self.edits.iter().map(|edit| Action::Edit(*edit)));
        }
        if state.is_pending() && !state.pace.is_running() {
            actions.push(Action::Send);
        }
        if state.copy.is_some() {
            actions.push(Action::Succeeds);
            if state.left.lost > 0 {
                actions.push(Action::Fails);
            }
        }
        let late = state.writes.iter().enumerate().filter(|(_, write)| write.until.is_some());
        actions.extend(late.map(|(n, _)| Action::Late(n)));
        if state.is_alarm_stored {
            actions.push(Action::AlarmRuns);
        }
        if state.left.crashes > 0 {
            actions.push(Action::Crash);
        }
        let passed = state.now % HALF_A_DAY_MS;
        if passed < self.steps * STEP_MS {
            actions.push(Action::TimePasses);
        }
        if state.half_days > 0 && state.copy.is_none() {
            actions.push(Action::HalfADayPasses);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Edit(edit) => {
                state.left.edits -= 1;
                state.edit(edit);
            }
            Action::Send => state.begin(),
            Action::Succeeds => state.end(true),
            Action::Fails => {
                state.left.lost -= 1;
                state.end(false);
            }
            Action::Late(n) => {
                state.kv = state.writes.remove(n).version;
            }
            Action::AlarmRuns => state.run_alarm(),
            Action::Crash => {
                state.left.crashes -= 1;
                state.crash();
            }
            Action::TimePasses => state.pass(STEP_MS),
            Action::HalfADayPasses => {
                state.half_days -= 1;
                state.pass(HALF_A_DAY_MS);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(
                "a copy that is recorded as written is correct and stays correct",
                |_, state: &State| !state.is_done() || state.is_right(),
            ),
            Property::always("never two writes of a key within a second", |_, state: &State| {
                !state.was_too_fast
            }),
            Property::always("never two writes of a key at once", |_, state: &State| {
                state.writes.iter().filter(|write| write.until.is_none()).count() <= 1
            }),
            Property::always("while a copy is pending, an alarm is set", |_, state: &State| {
                state.cursors.kv >= state.versions.changed
                    || state.is_alarm_stored
                    || state.pace.is_running()
            }),
            Property::always(
                "once Workers KV answers, the copy equals the connector",
                |_, state: &State| state.copy.is_some() || state.ends_well(),
            ),
        ]
    }
}

impl Copies {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let far = u8::from(goes_far);
        vec![
            (
                "copies",
                Self {
                    edits: vec![Edit::Change],
                    budget: Budget { edits: 2 + far, lost: 1 + far, crashes: 1, ..Budget::NONE },
                    half_days: 0,
                    steps: 8,
                },
            ),
            (
                "copies beside heartbeats",
                Self {
                    edits: vec![Edit::Change, Edit::Heartbeat],
                    budget: Budget { edits: 3, lost: far, crashes: 1, ..Budget::NONE },
                    half_days: 1,
                    steps: 4 + 2 * u64::from(far),
                },
            ),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        let budget = Budget { edits: 8, lost: 4, crashes: 1, ..Budget::NONE };
        Self { edits: vec![Edit::Change, Edit::Heartbeat], budget, half_days: 1, steps: 60 }
    }
}
