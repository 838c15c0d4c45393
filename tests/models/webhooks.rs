//! A connector's object, the Directory and a webhook's target: every message is sent, in order, or counted
//! and reported as lost.

use std::fmt;
use std::sync::OnceLock;

use connector_status::protocol::summaries::{self, AttemptResult, TargetState};
use connector_status::protocol::webhooks::{CollectContext, PendingMessage, Step, Webhooks};
use connector_status::status::Status;
use connector_status::values::Time;
use connector_status::webhook::{Change, EventType, Next, Progress, Reply, Settings, Target};
use stateright::{Model, Property};

use crate::network::Budget;

const START: u64 = 1_800_000_000_000;

/// One target that subscribes to failures and recoveries. A message has two attempts, and one message is
/// sent by itself before others are gathered.
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

/// A message, as the object stores it. `version`: of the change that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Row {
    version: u64,
    kind: &'static str,
    attempts: usize,
    made: u64,
    /// When the next attempt is due; `None`: it is no longer pending.
    next_at: Option<u64>,
    /// The number of missing messages that it reports.
    missed_in_body: u64,
}

/// The target's position, as the object stores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    progress: Progress,
    given_up: u64,
    missed: u64,
}

/// A summary, as the Directory stores it. `versions`: of the changes that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Summary {
    n: u64,
    versions: Vec<u64>,
    attempts: usize,
    made: u64,
    next_at: u64,
    missed_in_body: u64,
    is_received: bool,
}

/// What the object waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Busy {
    /// The Directory, which decides whether a summary names the connector.
    Asking,
    /// The target.
    Sending,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    // The object: what it stores. Each change has a version; even ones recover, odd ones fail.
    version: u64,
    /// When each version was made.
    times: Vec<u64>,
    stored: Option<Stored>,
    rows: Vec<Row>,
    is_alarm_stored: bool,
    // What it has in memory.
    webhooks: Webhooks,
    busy: Option<Busy>,
    // The Directory: what it stores.
    directory: TargetState,
    /// The changes to be summarized: event and version.
    gathered: Vec<(&'static str, u64)>,
    summaries: Vec<Summary>,
    made: u64,
    summaries_given_up: u64,
    directory_alarm: Option<u64>,
    known_losses: u64,
    // What it has in memory.
    is_summarizing: bool,
    // The target: the versions it was notified of, by messages and by summaries, and the numbers of messages
    // and summaries that were reported to it as missing.
    received: Vec<u64>,
    summarized: Vec<u64>,
    reported: u64,
    summaries_reported: u64,
    /// The versions in summaries that were given up. They are counted.
    lost: Vec<u64>,
    left: Budget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Change,
    AlarmRuns,
    DirectoryAnswers {
        is_in_time: bool,
    },
    DirectoryFails,
    /// The target receives the message. `is_answered`: its response arrives.
    Receives {
        is_answered: bool,
    },
    /// The request to the target fails.
    Fails,
    Crash,
    DirectoryAlarm,
    /// The target receives a summary. `is_answered`: its response arrives.
    ReceivesSummary {
        is_answered: bool,
    },
    SummaryFails,
    DirectoryCrash,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "the status changes",
            Self::AlarmRuns => "the object's alarm runs",
            Self::DirectoryAnswers { is_in_time: true } => {
                "the Directory decides whether a summary replaces the message"
            }
            Self::DirectoryAnswers { is_in_time: false } => "the Directory answers too late",
            Self::DirectoryFails => "the Directory doesn't answer",
            Self::Receives { is_answered: true } => "the target receives the message",
            Self::Receives { is_answered: false } => {
                "the target receives the message; its response is lost"
            }
            Self::Fails => "the request to the target fails",
            Self::Crash => "the object crashes and restarts",
            Self::DirectoryAlarm => "the Directory's alarm runs",
            Self::ReceivesSummary { is_answered: true } => "the target receives a summary",
            Self::ReceivesSummary { is_answered: false } => {
                "the target receives a summary; its response is lost"
            }
            Self::SummaryFails => "the request with a summary fails",
            Self::DirectoryCrash => "the Directory crashes and restarts",
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
            times: Vec::new(),
            stored: None,
            rows: Vec::new(),
            is_alarm_stored: false,
            webhooks: Webhooks::default(),
            busy: None,
            directory: TargetState::default(),
            gathered: Vec::new(),
            summaries: Vec::new(),
            made: 0,
            summaries_given_up: 0,
            directory_alarm: None,
            known_losses: 0,
            is_summarizing: false,
            received: Vec::new(),
            summarized: Vec::new(),
            reported: 0,
            summaries_reported: 0,
            lost: Vec::new(),
            left,
        }
    }

    /// Reads the target's position, and starts the target if it is new.
    fn open(&mut self) {
        if !self.webhooks.is_open() {
            let row = self.stored.clone();
            let row = row.map(|it| (target().name.clone(), it.progress, it.given_up));
            self.webhooks.open(row);
        }
        let new = self.webhooks.new_targets(settings());
        if !new.is_empty() {
            let batch = self.webhooks.begin(&new, self.version, false);
            let (_, progress) = batch.rows[0].clone();
            self.stored = Some(Stored { progress, given_up: 0, missed: 0 });
            self.webhooks.stored(batch, &[]);
        }
    }

    fn change(&mut self) {
        self.open();
        self.version += 1;
        self.times.push(self.now);
        self.is_alarm_stored = true;
    }

    /// The changes after a version.
    fn changes_after(&self, seq: u64) -> Vec<Change> {
        let change = |version: u64| Change {
            seq: version,
            from: Some(status(version + 1)),
            to: status(version),
            at: Time::from_millis(self.times[version as usize - 1]).to_string(),
            creates: false,
        };
        (seq + 1..=self.version).map(change).collect()
    }

    fn collect(&mut self) {
        self.open();
        let context = CollectContext {
            settings: settings(),
            changed: self.version,
            last_seen: None,
            now: self.now,
            holds: true,
        };
        let batch = self.webhooks.collect::<()>(context, |seq| Ok(self.changes_after(seq)));
        let batch = batch.expect("a history that can be read");
        if let (Some((_, progress)), Some(stored)) = (batch.rows.first(), &mut self.stored) {
            stored.progress = progress.clone();
            for (_, notification) in &batch.notifications {
                self.rows.push(Row {
                    version: notification.seq,
                    kind: notification.event.name(),
                    attempts: 0,
                    made: self.now,
                    next_at: Some(self.now),
                    missed_in_body: 0,
                });
            }
        }
        self.webhooks.stored(batch, &[]);
    }

    fn place(&self) -> Option<usize> {
        self.rows.iter().position(|row| row.next_at.is_some())
    }

    /// The next message.
    fn waiting(&self) -> Option<PendingMessage> {
        let row = self.rows.get(self.place()?)?;
        Some(PendingMessage {
            n: row.version,
            id: row.version.to_string(),
            kind: row.kind.to_owned(),
            body: String::new(),
            made: row.made,
            attempts: row.attempts,
            next_at: row.next_at?,
            missed: self.stored.as_ref().map_or(0, |stored| stored.missed),
            missed_in_body: row.missed_in_body,
        })
    }

    fn run_alarm(&mut self) {
        self.is_alarm_stored = false;
        // It is set for the next message that is due.
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

    /// Reports to the Directory what was given up.
    fn report(&mut self) {
        if let Some((Some(given_up), _)) = self.webhooks.take_losses(target()) {
            self.known_losses = given_up;
        }
    }

    /// Continues with the next message.
    fn step(&mut self) {
        let step = self.waiting().map_or(Step::Wait, |waiting| waiting.step(self.now));
        match step {
            Step::Wait => {
                self.busy = None;
                self.end_sending();
                self.set_alarm();
                self.report();
            }
            Step::Ask => self.busy = Some(Busy::Asking),
            Step::Send => self.send(),
        }
    }

    fn end_sending(&mut self) {
        self.webhooks.end_sending(target());
        // Nothing depends on these numbers.
        let attempts = self.webhooks.attempts(target());
        self.webhooks.attempts_reported(target(), attempts);
    }

    fn send(&mut self) {
        self.busy = Some(Busy::Sending);
        let (Some(waiting), Some(n)) = (self.waiting(), self.place()) else { return };
        if waiting.must_report_missed() {
            self.rows[n].missed_in_body = waiting.missed;
            if let Some(stored) = &mut self.stored {
                stored.missed = 0;
            }
        }
    }

    /// The Directory gathers the connector, or has its message sent.
    fn ask(&mut self) -> bool {
        let Some(n) = self.place() else { return false };
        let Row { kind, version, .. } = self.rows[n];
        let event = EventType::parse(kind).expect("an event");
        let is_gathered = self.directory.gathers(target(), event, settings(), self.now);
        // A repeated question changes nothing.
        if is_gathered && !self.gathered.contains(&(kind, version)) {
            self.gathered.push((kind, version));
        }
        self.want_alarm();
        is_gathered
    }

    fn want_alarm(&mut self) {
        let waiting = self.summaries.first().filter(|_| !self.is_summarizing);
        let next_at = waiting.map(|summary| summary.next_at);
        let due = self.directory.due();
        let next = summaries::next_alarm(due, next_at, self.is_summarizing, self.now);
        self.directory_alarm = self.directory_alarm.into_iter().chain(next).min();
    }

    fn run_directory_alarm(&mut self) {
        let at = self.directory_alarm.take().unwrap_or_default();
        self.now = self.now.max(at);
        let (groups, missed) = self.directory.take(settings(), self.now);
        for (n, group) in groups.iter().enumerate() {
            let name = group.event.name();
            let of_group = self.gathered.iter().filter(|(event, _)| *event == name);
            let versions = of_group.map(|(_, version)| *version).collect();
            self.gathered.retain(|(event, _)| *event != name);
            self.made += 1;
            self.summaries.push(Summary {
                n: self.made,
                versions,
                attempts: 0,
                made: self.now,
                next_at: self.now,
                missed_in_body: if n == 0 { missed } else { 0 },
                is_received: false,
            });
        }
        self.send_summary();
        self.want_alarm();
    }

    /// Sends the next summary, if it is due.
    fn send_summary(&mut self) {
        self.is_summarizing = self.summaries.first().is_some_and(|it| it.next_at <= self.now);
    }

    fn receive_summary(&mut self) {
        let Some(summary) = self.summaries.first_mut() else { return };
        if !std::mem::replace(&mut summary.is_received, true) {
            self.summarized.extend(&summary.versions);
            self.summaries_reported += summary.missed_in_body;
        }
    }

    fn settle_summary(&mut self, reply: &Reply) {
        let Some(summary) = self.summaries.first_mut() else { return };
        let pending = summaries::PendingSummary {
            n: summary.n,
            id: summary.n.to_string(),
            body: String::new(),
            made: summary.made,
            attempts: summary.attempts,
            next_at: summary.next_at,
            missed_in_body: summary.missed_in_body,
        };
        let result = self.directory.record_attempt(target(), &pending, reply, settings(), self.now);
        // Nothing depends on these numbers.
        (self.directory.attempts, self.directory.failures) = (0, 0);
        match result {
            AttemptResult::Retry { attempts, next_at } => {
                (summary.attempts, summary.next_at) = (attempts, next_at);
            }
            AttemptResult::Delivered => drop(self.summaries.remove(0)),
            AttemptResult::GivenUp => {
                self.lost.extend(&summary.versions);
                self.summaries.remove(0);
                self.summaries_given_up += 1;
            }
            AttemptResult::Ended => {}
        }
        self.send_summary();
        self.want_alarm();
    }

    fn receive(&mut self) {
        let Some(n) = self.place() else { return };
        let Row { version, missed_in_body, .. } = self.rows[n];
        // A retry has the same id and content.
        if !self.received.contains(&version) {
            self.received.push(version);
            self.reported += missed_in_body;
        }
    }

    /// Stores the new state of the message. `reply`: to an attempt; `None`: a summary replaces the message.
    fn settle(&mut self, reply: Option<&Reply>) {
        let (Some(waiting), Some(n)) = (self.waiting(), self.place()) else { return };
        let new_state = waiting.next_state(settings(), reply, self.now);
        if new_state.outcome == Some("given_up") {
            let missed_in_body = self.rows[n].missed_in_body;
            if let Some(stored) = &mut self.stored {
                stored.given_up += 1;
                stored.missed += 1 + missed_in_body;
            }
        }
        match new_state.next.at() {
            Some(next_at) => {
                let row = &mut self.rows[n];
                (row.attempts, row.next_at) = (new_state.attempts, Some(next_at));
            }
            // Nothing depends on it any more.
            None => drop(self.rows.remove(n)),
        }
        self.webhooks.state_stored(target(), &new_state);
        match new_state.next {
            Next::Retry(_) => {
                self.busy = None;
                self.end_sending();
                self.set_alarm();
                self.report();
            }
            Next::Done(_) => self.step(),
        }
    }

    /// Whether the target was not notified of a version, and no summary will include it.
    fn is_missing(&self, version: u64) -> bool {
        let is_in = |versions: &Vec<u64>| versions.contains(&version);
        !is_in(&self.received)
            && !is_in(&self.summarized)
            && !is_in(&self.lost)
            && !self.gathered.iter().any(|(_, gathered)| *gathered == version)
            && !self.summaries.iter().any(|summary| is_in(&summary.versions))
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
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let far = u8::from(goes_far);
        let singles = Budget { edits: 3 + far, lost: 4, timeouts: 1, crashes: 0, doubled: 0 };
        let summaries = Budget { edits: 4 + far, lost: 4, timeouts: 0, crashes: 0, doubled: 0 };
        let crashes = Budget { edits: 3, lost: 2, timeouts: 1, crashes: 1 + far, doubled: 0 };
        vec![
            ("webhooks, bad messages", Self { budget: singles }),
            ("webhooks, summaries that are given up", Self { budget: summaries }),
            ("webhooks, crashes", Self { budget: crashes }),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        Self { budget: Budget { edits: 6, lost: 8, timeouts: 3, crashes: 3, doubled: 0 } }
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
            actions.push(Action::AlarmRuns);
        }
        let is_waiting = state.waiting().is_some();
        match state.busy.filter(|_| is_waiting) {
            Some(Busy::Asking) => {
                actions.push(Action::DirectoryAnswers { is_in_time: true });
                if left.timeouts > 0 {
                    actions.extend([
                        Action::DirectoryAnswers { is_in_time: false },
                        Action::DirectoryFails,
                    ]);
                }
            }
            Some(Busy::Sending) => {
                actions.push(Action::Receives { is_answered: true });
                if left.lost > 0 {
                    actions.extend([Action::Receives { is_answered: false }, Action::Fails]);
                }
            }
            None => {}
        }
        // The object's alarm runs first if it is due first. Requests end before alarms are due.
        let is_next = |at: u64| {
            let due = state.waiting().map_or(0, |waiting| waiting.next_at);
            let is_pending = state.busy.is_some() || state.is_summarizing;
            at <= state.now || !(is_pending || (state.is_alarm_stored && due < at))
        };
        if state.directory_alarm.is_some_and(is_next) {
            actions.push(Action::DirectoryAlarm);
        }
        if state.is_summarizing {
            actions.push(Action::ReceivesSummary { is_answered: true });
            if left.lost > 0 {
                actions
                    .extend([Action::ReceivesSummary { is_answered: false }, Action::SummaryFails]);
            }
        }
        if left.crashes > 0 && state.webhooks != Webhooks::default() {
            actions.push(Action::Crash);
        }
        if left.crashes > 0 && state.is_summarizing {
            actions.push(Action::DirectoryCrash);
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
            Action::AlarmRuns => state.run_alarm(),
            Action::DirectoryAnswers { is_in_time: true } => {
                if state.ask() {
                    state.settle(None);
                } else {
                    state.send();
                }
            }
            Action::DirectoryAnswers { is_in_time: false } => {
                state.left.timeouts -= 1;
                state.ask();
                state.send();
            }
            Action::DirectoryFails => {
                state.left.timeouts -= 1;
                state.send();
            }
            Action::Receives { is_answered: true } => {
                state.receive();
                state.settle(Some(&taken));
            }
            Action::Receives { is_answered: false } => {
                state.left.lost -= 1;
                state.receive();
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
            Action::DirectoryAlarm => state.run_directory_alarm(),
            Action::ReceivesSummary { is_answered: true } => {
                state.receive_summary();
                state.settle_summary(&taken);
            }
            Action::ReceivesSummary { is_answered: false } => {
                state.left.lost -= 1;
                state.receive_summary();
                state.settle_summary(&Reply::default());
            }
            Action::SummaryFails => {
                state.left.lost -= 1;
                state.settle_summary(&Reply::default());
            }
            Action::DirectoryCrash => {
                state.left.crashes -= 1;
                state.is_summarizing = false;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("messages arrive in order", |_, state: &State| {
                state.received.is_sorted()
            }),
            Property::always("while a message is pending, an alarm is set", |_, state: &State| {
                let is_pending = state.waiting().is_some()
                    || state.stored.as_ref().is_some_and(|it| it.progress.seq < state.version);
                !is_pending || state.is_alarm_stored || state.busy.is_some()
            }),
            Property::always(
                "every change is notified or counted as given up",
                |_, state: &State| {
                    let given_up = state.stored.as_ref().map_or(0, |stored| stored.given_up);
                    !state.is_quiet() || state.missing() <= given_up
                },
            ),
            Property::always(
                "the Directory knows how many messages were given up",
                |_, state: &State| {
                    let given_up = state.stored.as_ref().map_or(0, |stored| stored.given_up);
                    !state.is_quiet() || state.known_losses == given_up
                },
            ),
            Property::always("missing messages are reported to the target", |_, state: &State| {
                let Some(stored) = &state.stored else { return true };
                let waits = |row: &&Row| row.next_at.is_some();
                let to_be_reported: u64 =
                    state.rows.iter().filter(waits).map(|row| row.missed_in_body).sum();
                state.reported + stored.missed + to_be_reported >= stored.given_up
            }),
            Property::always("while a summary is pending, an alarm is set", |_, state: &State| {
                let is_pending = !state.gathered.is_empty() || !state.summaries.is_empty();
                !is_pending || state.is_summarizing || state.directory_alarm.is_some()
            }),
            Property::always("missing summaries are reported to the target", |_, state: &State| {
                let waits = state.summaries.iter().filter(|summary| !summary.is_received);
                let to_be_reported: u64 = waits.map(|summary| summary.missed_in_body).sum();
                state.summaries_reported + state.directory.missed() + to_be_reported
                    >= state.summaries_given_up
            }),
        ]
    }
}
