//! A connector's object and the Directory: updates of sync jobs. Lists never go back, acknowledged
//! changes are listed, and in the end the Directory has every job.

use std::fmt;

use connector_status::protocol::directory::{
    Column, DocumentAction, Field, JobEntry, KnownJob, apply_job,
};
use connector_status::protocol::jobs::{JobChange, JobUpdate, Jobs, JobsUpdate, Scope};
use stateright::{Model, Property};

use crate::network::{Budget, Network, unused};

const ID: &str = "job";

/// The job as its connector's object stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job {
    version: u64,
    edited: u64,
}

/// A request that changes the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edit {
    /// It is created, or its status changes; the caller waits for the Directory.
    Write,
    /// `_check_in`: the caller does not wait, and nothing is stored for the alarm.
    CheckIn,
    /// It is erased; the caller waits for the Directory.
    Erase,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Apply { call: u8, version: u64, job: Option<Job>, with_document: bool },
    Reply { call: u8, outcome: &'static str },
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply { call, version, job, with_document } => {
                write!(f, "call {call}: the job in version {version}")?;
                f.write_str(if job.is_none() { ", erased" } else { "" })?;
                f.write_str(if *with_document { ", with its document" } else { "" })
            }
            Self::Reply { call, outcome } => write!(f, "reply to call {call}: {outcome}"),
        }
    }
}

/// An update in progress. `is_request`: a caller waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    number: u8,
    is_request: bool,
    update: JobsUpdate<Option<Job>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    // Stored by the object.
    job: Option<Job>,
    recorded: Option<u64>,
    is_alarm_stored: bool,
    was_created: bool,
    // What it has in memory.
    jobs: Jobs,
    calls: Vec<Call>,
    // The Directory.
    known: Option<KnownJob>,
    document: Option<u64>,
    messages: Network<Message>,
    /// The newest version that the Directory has had; the newest that was acknowledged to a caller; the
    /// newest that must survive a crash.
    newest: u64,
    acknowledged: u64,
    lasting: u64,
    left: Budget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Edit(Edit),
    Send,
    TimeOut(u8),
    AlarmEnds,
    Crash,
    Deliver(Message),
    Lose(Message),
    Double(Message),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(edit) => write!(f, "{edit:?} of the job"),
            Self::Send => f.write_str("the outbox sends pending jobs"),
            Self::TimeOut(call) => write!(f, "call {call} times out"),
            Self::AlarmEnds => {
                f.write_str("the alarm ends; it records which jobs are still pending")
            }
            Self::Crash => f.write_str("the object crashes and restarts"),
            Self::Deliver(message) => write!(f, "arrives: {message}"),
            Self::Lose(message) => write!(f, "is lost: {message}"),
            Self::Double(message) => write!(f, "arrives, and will arrive again: {message}"),
        }
    }
}

impl State {
    fn edit(&mut self, edit: Edit) {
        let change = JobChange {
            before: self.job.map(|job| (job.version, job.edited)),
            is_edit: edit != Edit::CheckIn,
            erases: edit == Edit::Erase,
            scope: if edit == Edit::CheckIn { Scope::Progress } else { Scope::Edit },
        };
        let commit = self.jobs.commit(ID, change);
        let (version, edited) = (commit.version, commit.edited);
        self.job = (edit != Edit::Erase).then_some(Job { version, edited });
        self.was_created = true;
        if commit.is_recorded {
            self.recorded = Some(version);
        }
        self.jobs.committed(ID, commit);
        if edit != Edit::CheckIn {
            self.lasting = version;
            self.is_alarm_stored = true;
            self.call(true);
        }
    }

    fn call(&mut self, is_request: bool) {
        let jobs = self.jobs.pending().map(|(id, pending)| JobUpdate {
            id: id.clone(),
            version: self.job.map_or(pending.version, |job| job.version),
            is_edited: pending.is_edited,
            is_open: true,
            record: self.job,
        });
        let update = JobsUpdate::new(jobs.collect());
        let of = |message: &Message| match message {
            Message::Apply { call, .. } | Message::Reply { call, .. } => *call,
        };
        let taken = self.calls.iter().map(|call| call.number);
        let number = unused(taken.chain(self.messages.iter().map(of)));
        let call = Call { number, is_request, update };
        self.send(&call);
        self.calls.push(call);
        self.calls.sort_by_key(|call| call.number);
    }

    fn send(&mut self, Call { number, update, .. }: &Call) {
        for JobUpdate { version, is_edited, record, .. } in &update.jobs {
            let with_document = record.is_some() && (*is_edited || update.with_documents);
            let message =
                Message::Apply { call: *number, version: *version, job: *record, with_document };
            self.messages.send(message);
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Apply { call, version, job, with_document } => {
                let outcome = self.take(version, job, with_document);
                self.messages.send(Message::Reply { call, outcome });
            }
            Message::Reply { call, outcome } => {
                let is_it = |it: &Call| it.number == call;
                let Some(n) = self.calls.iter().position(is_it) else { return };
                let mut call = self.calls.remove(n);
                let Ok(known) = call.update.answered(&[outcome]) else { return };
                for (id, version) in known.jobs {
                    self.jobs.acknowledge(&id, version);
                    if call.is_request {
                        self.acknowledged = self.acknowledged.max(version);
                    }
                }
                if !call.update.jobs.is_empty() {
                    self.send(&call);
                    self.calls.insert(n, call);
                }
            }
        }
    }

    /// The Directory applies the job's entry or not.
    fn take(&mut self, version: u64, job: Option<Job>, with_document: bool) -> &'static str {
        let entry = JobEntry {
            id: ID.to_owned(),
            version,
            edited: job.map_or(version, |job| job.edited),
            connector_id: None,
            status: job.map(|job| job.edited.to_string()),
            job_type: None,
            created_at: None,
            last_seen: None,
            seen: job.and_then(|job| i64::try_from(job.version).ok()),
            document: with_document.then(|| job.map_or(0, |job| job.edited).to_string()),
        };
        let write = match apply_job(self.known.as_ref(), &entry) {
            Ok(write) => write,
            Err(outcome) => return outcome.name(),
        };
        let mut row = self.known.take().unwrap_or_else(empty_row);
        row.version = version;
        write.columns.iter().for_each(|column| set(&mut row, column));
        self.known = Some(row);
        match write.document {
            DocumentAction::Write => self.document = job.map(|job| job.edited),
            DocumentAction::Erase => self.document = None,
            DocumentAction::Keep => {}
        }
        self.newest = self.newest.max(version);
        write.outcome.name()
    }

    fn crash(&mut self) {
        self.calls.clear();
        self.jobs = if self.was_created {
            Jobs::with_pending(self.recorded.map(|version| (ID.to_owned(), version)))
        } else {
            Jobs::default()
        };
    }

    fn end_alarm(&mut self) {
        self.is_alarm_stored = self.jobs.has_pending();
        if self.jobs.pending().next().is_none() {
            self.recorded = None;
        }
    }

    fn known_version(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.version)
    }

    /// Whether the Directory equals the object once messages are delivered. If a crash loses a check-in,
    /// the next one makes up for it.
    fn ends_well(&self) -> bool {
        let mut state = self.clone();
        for _ in 0..100 {
            if let Some(message) = state.messages.take_first() {
                state.deliver(message);
            } else if state.jobs.has_pending() {
                state.call(false);
            } else {
                break;
            }
        }
        let status = state.known.as_ref().and_then(|known| known.status.clone());
        let edited = state.job.map(|job| job.edited);
        state.known_version() >= state.lasting
            && state.document == edited
            && status == edited.map(|edited| edited.to_string())
    }
}

fn empty_row() -> KnownJob {
    KnownJob {
        key: 1,
        version: 0,
        connector_id: None,
        status: None,
        job_type: None,
        created_at: None,
        last_seen: None,
        seen: None,
    }
}

fn set(row: &mut KnownJob, column: &Column<'_>) {
    match *column {
        ("status", Field::Text(text)) => row.status = text.map(str::to_owned),
        ("seen", Field::Number(number)) => row.seen = number,
        _ => {}
    }
}

/// One sync job and the Directory.
#[derive(Clone, Debug)]
pub struct SyncJobs {
    pub budget: Budget,
}

impl Model for SyncJobs {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { left: self.budget, ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        if left.edits > 0 {
            let edits: &[Edit] = match (state.job, state.was_created) {
                (Some(_), _) => &[Edit::Write, Edit::CheckIn, Edit::Erase],
                (None, false) => &[Edit::Write],
                // Ids are random, so none is reused.
                (None, true) => &[],
            };
            actions.extend(edits.iter().map(|edit| Action::Edit(*edit)));
        }
        if state.jobs.has_pending() && state.calls.iter().all(|call| call.is_request) {
            actions.push(Action::Send);
        }
        if left.timeouts > 0 {
            actions.extend(state.calls.iter().map(|call| Action::TimeOut(call.number)));
        }
        if state.is_alarm_stored {
            actions.push(Action::AlarmEnds);
        }
        if left.crashes > 0 {
            actions.push(Action::Crash);
        }
        for message in state.messages.distinct() {
            if left.lost > 0 {
                actions.push(Action::Lose(message.clone()));
            }
            if left.doubled > 0 {
                actions.push(Action::Double(message.clone()));
            }
            actions.push(Action::Deliver(message));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Edit(edit) => {
                state.left.edits -= 1;
                state.edit(edit);
            }
            Action::Send => state.call(false),
            Action::TimeOut(number) => {
                state.left.timeouts -= 1;
                state.calls.retain(|call| call.number != number);
            }
            Action::AlarmEnds => state.end_alarm(),
            Action::Crash => {
                state.left.crashes -= 1;
                state.crash();
            }
            Action::Deliver(message) => {
                state.messages.take(&message);
                state.deliver(message);
            }
            Action::Lose(message) => {
                state.left.lost -= 1;
                state.messages.take(&message);
            }
            Action::Double(message) => {
                state.left.doubled -= 1;
                state.deliver(message);
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a job never goes back", |_, state: &State| {
                state.known_version() == state.newest
            }),
            Property::always(
                "an acknowledged change is in every later search",
                |_, state: &State| state.known_version() >= state.acknowledged,
            ),
            Property::always("every job that is found has a document", |_, state: &State| {
                let is_found = state.known.as_ref().is_some_and(|known| known.status.is_some());
                is_found == state.document.is_some()
            }),
            Property::always(
                "once messages arrive, the Directory equals the object",
                |_, state: &State| !state.messages.is_empty() || state.ends_well(),
            ),
        ]
    }
}

impl SyncJobs {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let far = u8::from(goes_far);
        let none = Budget::NONE;
        vec![
            (
                "sync jobs, bad messages",
                Self { budget: Budget { edits: 2 + far, lost: 1, timeouts: 1, ..none } },
            ),
            (
                "sync jobs, crashes",
                Self { budget: Budget { edits: 3, doubled: far, crashes: 1, ..none } },
            ),
            (
                "sync jobs, crashes before a message is sent",
                Self { budget: Budget { edits: 2, lost: 1, crashes: 1, ..none } },
            ),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        Self { budget: Budget { edits: 10, lost: 3, doubled: 3, crashes: 3, timeouts: 3 } }
    }
}
