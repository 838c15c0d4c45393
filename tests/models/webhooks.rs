//! A connector's object, a webhook's target and the Directory: what was promised is sent, in order, or its
//! loss is said.

use std::fmt;
use std::sync::OnceLock;

use connector_status::protocol::webhooks::{Look, Step, Waiting, Webhooks};
use connector_status::status::Status;
use connector_status::values::Time;
use connector_status::webhook::{
    Change, EventType, Gathering, Next, Outcome, Progress, Reply, Settings, Target, Verdict,
};
use stateright::{Model, Property};

use crate::network::Budget;

const START: u64 = 1_800_000_000_000;

/// One target that asks for failures and recoveries. A message is tried twice, and one message about a
/// connector is sent by itself before others are gathered.
fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let settings = serde_json::json!({
            "WEBHOOK_URL": "https://a.example/",
            "WEBHOOK_SECRET": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "WEBHOOK_DAMPING_SECONDS": "0",
            "WEBHOOK_RETRY_SECONDS": "5",
            "WEBHOOK_LIMIT": "1",
        });
        let settings = Settings::read(settings.as_object().expect("an object"));
        assert!(settings.problems.is_empty(), "{:?}", settings.problems);
        settings
    })
}

fn target() -> &'static Target {
    &settings().targets[0]
}

/// A message, as the object stores it. It is about the change of that version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    version: u64,
    kind: &'static str,
    attempts: usize,
    made: u64,
    /// When it is sent; `None`: it waits no longer.
    next_at: Option<u64>,
    /// How many messages before it are missing, as it says.
    says: u64,
}

/// How far the target is, as the object stores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    progress: Progress,
    given_up: u64,
    missed: u64,
}

/// What the object waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Busy {
    /// The Directory, which says whether a summary names the connector.
    Asking,
    /// The target.
    Sending,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    // The object: what it stores. Each change has a version; even ones recover, odd ones fail.
    version: u64,
    stored: Option<Stored>,
    rows: Vec<Row>,
    is_alarm_stored: bool,
    // What it has in memory.
    webhooks: Webhooks,
    busy: Option<Busy>,
    // The Directory.
    gathering: Gathering,
    gathered: Vec<u64>,
    known_losses: u64,
    // The target: the versions it has heard of, and how many it was told are missing.
    received: Vec<u64>,
    said: u64,
    left: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Change,
    AlarmComes,
    /// The Directory answers. `is_heard`: in time.
    Answers { is_heard: bool },
    /// The Directory is away.
    IsAway,
    /// The target has the message. `is_heard`: its answer arrives.
    Takes { is_heard: bool },
    /// The target fails.
    Fails,
    Crash,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "the status changes",
            Self::AlarmComes => "the alarm comes",
            Self::Answers { is_heard: true } => "the Directory says whether it is summarized",
            Self::Answers { is_heard: false } => "the Directory says so, too late",
            Self::IsAway => "the Directory is away",
            Self::Takes { is_heard: true } => "the target has the message",
            Self::Takes { is_heard: false } => "the target has the message; its answer is lost",
            Self::Fails => "the target fails",
            Self::Crash => "the object dies, and starts over",
        })
    }
}

fn status(version: u64) -> Status {
    if version.is_multiple_of(2) { Status::Connected } else { Status::Error }
}

impl State {
    fn new(left: Budget) -> Self {
        Self {
            now: START,
            version: 0,
            stored: None,
            rows: Vec::new(),
            is_alarm_stored: false,
            webhooks: Webhooks::default(),
            busy: None,
            gathering: Gathering::default(),
            gathered: Vec::new(),
            known_losses: 0,
            received: Vec::new(),
            said: 0,
            left,
        }
    }

    /// Reads how far the target is, and begins with it if it is new.
    fn open(&mut self) {
        if !self.webhooks.is_open() {
            let row = self.stored.clone();
            let row = row.map(|it| (target().name.clone(), it.progress, it.given_up));
            self.webhooks.open(row);
        }
        let new = self.webhooks.new_targets(settings());
        if !new.is_empty() {
            let news = self.webhooks.begin(&new, self.version, false);
            let (_, progress) = news.rows[0].clone();
            self.stored = Some(Stored { progress, given_up: 0, missed: 0 });
            self.webhooks.stored(news, &[]);
        }
    }

    fn change(&mut self) {
        self.open();
        self.version += 1;
        self.is_alarm_stored = true;
    }

    /// The changes after a version.
    fn changes_after(&self, seq: u64) -> Vec<Change> {
        let change = |version: u64| Change {
            seq: version,
            from: Some(status(version + 1)),
            to: status(version),
            at: Time::from_millis(START).to_string(),
            creates: false,
        };
        (seq + 1..=self.version).map(change).collect()
    }

    fn collect(&mut self) {
        self.open();
        let look = Look {
            settings: settings(),
            changed: self.version,
            last_seen: None,
            now: self.now,
            holds: true,
        };
        let news = self.webhooks.collect::<()>(look, |seq| Ok(self.changes_after(seq)));
        let news = news.expect("a history that can be read");
        if let (Some((_, progress)), Some(stored)) = (news.rows.first(), &mut self.stored) {
            stored.progress = progress.clone();
            for (_, happening) in &news.happenings {
                self.rows.push(Row {
                    version: happening.seq,
                    kind: happening.event.name(),
                    attempts: 0,
                    made: self.now,
                    next_at: Some(self.now),
                    says: 0,
                });
            }
        }
        self.webhooks.stored(news, &[]);
    }

    fn place(&self) -> Option<usize> {
        self.rows.iter().position(|row| row.next_at.is_some())
    }

    /// The next message.
    fn waiting(&self) -> Option<Waiting> {
        let row = self.rows.get(self.place()?)?;
        Some(Waiting {
            n: row.version,
            id: row.version.to_string(),
            kind: row.kind.to_owned(),
            body: String::new(),
            made: row.made,
            attempts: row.attempts,
            next_at: row.next_at?,
            missed: self.stored.as_ref().map_or(0, |stored| stored.missed),
            says: row.says,
        })
    }

    fn alarm_comes(&mut self) {
        self.is_alarm_stored = false;
        // It is set for what is due next.
        let due = self.waiting().map_or(0, |waiting| waiting.next_at);
        self.now = self.now.max(due);
        self.collect();
        self.report();
        let waiting = self.waiting();
        if self.webhooks.begin_sending(target(), waiting.as_ref(), self.now) {
            self.step();
        }
        self.set_alarm();
    }

    fn set_alarm(&mut self) {
        let next_at = self.waiting().map(|waiting| waiting.next_at);
        let next = self.webhooks.next_alarm(settings(), None, |_| next_at);
        self.is_alarm_stored |= next.is_some();
    }

    /// Tells the Directory what the target will not get.
    fn report(&mut self) {
        if let Some((Some(given_up), _)) = self.webhooks.take_losses(target()) {
            self.known_losses = given_up;
        }
    }

    /// Goes on to the next message.
    fn step(&mut self) {
        let step = self.waiting().map_or(Step::Rest, |waiting| waiting.step(self.now));
        match step {
            Step::Rest => {
                self.busy = None;
                self.webhooks.end_sending(target());
                self.set_alarm();
                self.report();
            }
            Step::Ask => self.busy = Some(Busy::Asking),
            Step::Send => self.send(),
        }
    }

    fn send(&mut self) {
        self.busy = Some(Busy::Sending);
        let (Some(waiting), Some(n)) = (self.waiting(), self.place()) else { return };
        if waiting.says_missed() {
            self.rows[n].says = waiting.missed;
            if let Some(stored) = &mut self.stored {
                stored.missed = 0;
            }
        }
    }

    /// The Directory gathers the connector, or lets its message be sent.
    fn ask(&mut self) -> bool {
        let Some(n) = self.place() else { return false };
        let event = EventType::parse(self.rows[n].kind).expect("an event");
        let verdict = self.gathering.admit(event, settings(), self.now);
        if verdict == Verdict::Gathered {
            self.gathered.push(self.rows[n].version);
        }
        verdict == Verdict::Gathered
    }

    fn take(&mut self) {
        let Some(n) = self.place() else { return };
        let Row { version, says, .. } = self.rows[n];
        // A repeated message has the same id, and says the same.
        if !self.received.contains(&version) {
            self.received.push(version);
            self.said += says;
        }
    }

    /// Notes what became of the message. `status`: of an attempt; `None`: a summary says it.
    fn settle(&mut self, reply: Option<&Reply>) {
        let (Some(waiting), Some(n)) = (self.waiting(), self.place()) else { return };
        let settled = waiting.settle(settings(), reply, self.now);
        if settled.outcome == Some("given_up") {
            let says = self.rows[n].says;
            if let Some(stored) = &mut self.stored {
                stored.given_up += 1;
                stored.missed += 1 + says;
            }
        }
        self.rows[n].attempts = settled.attempts;
        self.rows[n].next_at = settled.next.at();
        self.webhooks.settled(target(), &settled);
        match settled.next {
            Next::Again(_) => {
                self.busy = None;
                self.webhooks.end_sending(target());
                self.set_alarm();
                self.report();
            }
            Next::Done(_) => self.step(),
        }
    }

    /// The versions that the target was promised: all since it is known.
    fn is_missing(&self, version: u64) -> bool {
        !self.received.contains(&version) && !self.gathered.contains(&version)
    }

    fn is_quiet(&self) -> bool {
        self.busy.is_none() && !self.is_alarm_stored
    }

    fn missing(&self) -> u64 {
        (1..=self.version).filter(|version| self.is_missing(*version)).count() as u64
    }
}

/// One connector and one target.
#[derive(Clone, Debug)]
pub struct Targets {
    pub budget: Budget,
}

impl Targets {
    /// How far this is walked through. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let far = u8::from(goes_far);
        let budget = Budget { edits: 3, lost: 3 + far, timeouts: 1, crashes: 1 + far, doubled: 0 };
        vec![("webhooks", Self { budget })]
    }

    /// What is wandered through at random.
    pub fn wide() -> Self {
        Self { budget: Budget { edits: 6, lost: 6, timeouts: 3, crashes: 3, doubled: 0 } }
    }
}

impl Model for Targets {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.budget)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        if left.edits > 0 {
            actions.push(Action::Change);
        }
        if state.is_alarm_stored {
            actions.push(Action::AlarmComes);
        }
        let is_waiting = state.waiting().is_some();
        match state.busy.filter(|_| is_waiting) {
            Some(Busy::Asking) => {
                actions.push(Action::Answers { is_heard: true });
                if left.timeouts > 0 {
                    actions.extend([Action::Answers { is_heard: false }, Action::IsAway]);
                }
            }
            Some(Busy::Sending) => {
                actions.push(Action::Takes { is_heard: true });
                if left.lost > 0 {
                    actions.extend([Action::Takes { is_heard: false }, Action::Fails]);
                }
            }
            None => {}
        }
        if left.crashes > 0 && state.webhooks != Webhooks::default() {
            actions.push(Action::Crash);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let taken = Reply { status: Some(200), ..Reply::default() };
        match action {
            Action::Change => {
                state.left.edits -= 1;
                state.change();
            }
            Action::AlarmComes => state.alarm_comes(),
            Action::Answers { is_heard: true } => match state.ask() {
                true => state.settle(None),
                false => state.send(),
            },
            Action::Answers { is_heard: false } => {
                state.left.timeouts -= 1;
                state.ask();
                state.send();
            }
            Action::IsAway => {
                state.left.timeouts -= 1;
                state.send();
            }
            Action::Takes { is_heard: true } => {
                state.take();
                state.settle(Some(&taken));
            }
            Action::Takes { is_heard: false } => {
                state.left.lost -= 1;
                state.take();
                state.settle(Some(&Reply::default()));
            }
            Action::Fails => {
                state.left.lost -= 1;
                state.settle(Some(&Reply::default()));
            }
            Action::Crash => {
                state.left.crashes -= 1;
                state.webhooks = Webhooks::default();
                state.busy = None;
            }
        }
        debug_assert!(taken.outcome() == Outcome::Delivered);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("messages arrive in order", |_, state: &State| {
                state.received.is_sorted()
            }),
            Property::always("somebody will send what waits", |_, state: &State| {
                let is_behind = state.waiting().is_some()
                    || state.stored.as_ref().is_some_and(|it| it.progress.seq < state.version);
                !is_behind || state.is_alarm_stored || state.busy.is_some()
            }),
            Property::always("what was promised is sent or counted", |_, state: &State| {
                let given_up = state.stored.as_ref().map_or(0, |stored| stored.given_up);
                !state.is_quiet() || state.missing() <= given_up
            }),
            Property::always("the Directory knows what is lost", |_, state: &State| {
                let given_up = state.stored.as_ref().map_or(0, |stored| stored.given_up);
                !state.is_quiet() || state.known_losses == given_up
            }),
            Property::always("the target is told what is missing", |_, state: &State| {
                let Some(stored) = &state.stored else { return true };
                let waits = |row: &&Row| row.next_at.is_some();
                let about_to_say: u64 = state.rows.iter().filter(waits).map(|row| row.says).sum();
                state.said + stored.missed + about_to_say >= stored.given_up
            }),
        ]
    }
}
