//! A connector's object and the Directory: lists never go back, acknowledged changes are listed,
//! and in the end the Directory equals the object.

use std::fmt;

use connector_status::directory::{Entry, Slim};
use connector_status::protocol::directory::{
    Column, DocumentAction, Facts, Field, KnownEntry, apply_entry,
};
use connector_status::protocol::outbox::{
    Alarm, Answered, Cursors, EntryUpdate, Forced, Pace, Turn, Versions,
};
use stateright::{Model, Property};

use crate::network::{Budget, Network, unused};

/// The connector as its object stores it. Its document only records the version that wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Connector {
    versions: Versions,
    is_erased: bool,
}

/// A request that changes the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edit {
    /// The status changes; the caller does not wait for the Directory.
    Move,
    /// The document changes, or the connector is recreated; the caller waits for the Directory.
    Write,
    /// The connector is erased; the caller waits for the Directory.
    Erase,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Apply {
        call: u8,
        version: u64,
        status: u64,
        is_erased: bool,
        document: Option<u64>,
        is_forced: bool,
    },
    Reply {
        call: u8,
        outcome: &'static str,
    },
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply { call, version, is_erased, document, is_forced, .. } => {
                write!(f, "call {call}: entry of version {version}")?;
                f.write_str(if *is_erased { ", erased" } else { "" })?;
                if let Some(edited) = document {
                    write!(f, ", with the document of version {edited}")?;
                }
                f.write_str(if *is_forced { ", forced" } else { "" })
            }
            Self::Reply { call, outcome } => write!(f, "reply to call {call}: {outcome}"),
        }
    }
}

/// Who waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Caller {
    /// The outbox's loop.
    Loop,
    /// A request that is answered only after the Directory has its change.
    Request,
    /// `_reindex`.
    Reindex,
}

/// An update in progress, with the connector as it was when the update began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    number: u8,
    caller: Caller,
    update: EntryUpdate,
    connector: Connector,
}

/// `_reindex`: the Directory's copy is not trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Reindex {
    #[default]
    No,
    /// The update is recorded as pending; the alarm is being set.
    Pending,
    /// The update is in progress.
    Sending,
    /// The caller has the response.
    Acknowledged,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    // Stored by the object.
    connector: Connector,
    stored: Cursors,
    is_alarm_stored: bool,
    // What it has in memory.
    cursors: Cursors,
    pace: Pace,
    forced: Forced,
    alarm: Alarm,
    is_alarm_running: bool,
    calls: Vec<Call>,
    reindex: Reindex,
    // The Directory.
    known: Option<KnownEntry>,
    document: Option<u64>,
    /// The row was corrupted by something outside of the protocol; only `_reindex` can repair it.
    is_spoiled: bool,
    messages: Network<Message>,
    /// The newest version that the Directory has had, and the newest that was acknowledged to a caller.
    newest: u64,
    acknowledged: u64,
    left: Budget,
    spoils: u8,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Edit(Edit),
    /// The outbox's loop starts.
    Send,
    TimeOut(u8),
    AlarmRuns,
    AlarmEnds,
    Crash,
    Spoil,
    Reindex,
    ReindexSends,
    Deliver(Message),
    Lose(Message),
    Double(Message),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edit(edit) => write!(f, "request: {edit:?}"),
            Self::Send => f.write_str("the outbox starts to send the newest version"),
            Self::TimeOut(call) => write!(f, "call {call} times out"),
            Self::AlarmRuns => f.write_str("the alarm runs"),
            Self::AlarmEnds => f.write_str("the alarm ends"),
            Self::Crash => f.write_str("the object crashes and restarts"),
            Self::Spoil => f.write_str("the Directory's row is corrupted"),
            Self::Reindex => f.write_str("_reindex is requested"),
            Self::ReindexSends => f.write_str("_reindex sends its update"),
            Self::Deliver(message) => write!(f, "arrives: {message}"),
            Self::Lose(message) => write!(f, "is lost: {message}"),
            Self::Double(message) => write!(f, "arrives, and will arrive again: {message}"),
        }
    }
}

impl State {
    fn is_pending(&self) -> bool {
        self.cursors.is_directory_pending(self.connector.versions)
    }

    fn known_version(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.version)
    }

    fn set_alarm(&mut self) {
        if self.alarm.request() {
            self.is_alarm_stored = true;
        }
    }

    fn edit(&mut self, edit: Edit) {
        let version = self.connector.versions.version + 1;
        let Versions { edited, .. } = self.connector.versions;
        let edited = if edit == Edit::Move { edited } else { version };
        self.connector.versions = Versions { version, edited, changed: version };
        self.connector.is_erased = match edit {
            Edit::Move => self.connector.is_erased,
            Edit::Write => false,
            Edit::Erase => true,
        };
        // A commit also stores the cursors, unless it only changes the status.
        if edit != Edit::Move {
            self.stored = self.cursors;
        }
        self.set_alarm();
        if edit != Edit::Move {
            self.call(Caller::Request);
        }
    }

    /// Starts an update to the newest version.
    fn call(&mut self, caller: Caller) {
        let update = self.forced.begin(self.connector.versions, self.cursors, &[]);
        let of = |message: &Message| match message {
            Message::Apply { call, .. } | Message::Reply { call, .. } => *call,
        };
        let taken = self.calls.iter().map(|call| call.number);
        let number = unused(taken.chain(self.messages.iter().map(of)));
        let call = Call { number, caller, update, connector: self.connector };
        self.send(&call);
        self.calls.push(call);
        self.calls.sort_by_key(|call| call.number);
    }

    /// The entry has the version from when the update began; the document is read when it is sent.
    fn send(&mut self, Call { number, update, connector, .. }: &Call) {
        let document = update.with_document && !self.connector.is_erased;
        self.messages.send(Message::Apply {
            call: *number,
            version: update.version,
            status: connector.versions.changed,
            is_erased: connector.is_erased,
            document: document.then_some(self.connector.versions.edited),
            is_forced: update.is_forced,
        });
    }

    fn begin(&mut self) {
        if self.is_pending() && self.pace.begin() {
            self.run();
        }
    }

    /// Runs the outbox's loop until it waits.
    fn run(&mut self) {
        loop {
            match self.pace.next(self.is_pending(), 0, 0) {
                Turn::Wait(_) => {}
                Turn::Send => return self.call(Caller::Loop),
                Turn::SetAlarm => self.set_alarm(),
                Turn::Idle => return,
            }
        }
    }

    /// Ends a call: the Directory has the version, or it is unknown whether it has it.
    fn end(&mut self, n: usize, is_acknowledged: bool) {
        let Call { caller, update, .. } = self.calls.remove(n);
        if is_acknowledged {
            self.forced.acknowledge(&update, &mut self.cursors);
        }
        match caller {
            Caller::Loop => {
                if !is_acknowledged {
                    self.pace.fail();
                }
                self.run();
            }
            Caller::Request if is_acknowledged => {
                self.acknowledged = self.acknowledged.max(update.version);
            }
            Caller::Request => {}
            Caller::Reindex => {
                let is_done = !self.is_pending();
                self.reindex = if is_done { Reindex::Acknowledged } else { Reindex::No };
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Apply { call, version, status, is_erased, document, is_forced } => {
                let row = Entry {
                    id: "c".into(),
                    version,
                    deleted: if is_erased { 2 } else { 0 },
                    status: (!is_erased).then(|| Slim::of(status.to_string())),
                    is_forced,
                    ..Entry::default()
                };
                let outcome = self.take(&row, document);
                self.messages.send(Message::Reply { call, outcome });
            }
            Message::Reply { call, outcome } => {
                let Some(n) = self.position(call) else { return };
                match self.calls[n].update.answered(outcome) {
                    Ok(Answered::Acknowledged { .. }) => self.end(n, true),
                    Ok(Answered::SendAgain) => self.send(&self.calls[n].clone()),
                    Err(_) => self.end(n, false),
                }
            }
        }
    }

    fn position(&self, number: u8) -> Option<usize> {
        self.calls.iter().position(|call| call.number == number)
    }

    /// The Directory applies an entry or not.
    fn take(&mut self, entry: &Entry<'_>, document: Option<u64>) -> &'static str {
        let facts = Facts { has_document: document.is_some(), ..Facts::default() };
        let title = entry.title();
        let write = match apply_entry(self.known.as_ref(), entry, &title, facts) {
            Ok(write) => write,
            Err(outcome) => return outcome.name(),
        };
        let mut row = self.known.take().unwrap_or_else(empty_row);
        row.version = entry.version;
        write.columns.iter().for_each(|column| set(&mut row, column));
        self.known = Some(row);
        self.is_spoiled &= !write.columns.iter().any(|(name, _)| *name == "status");
        match write.document {
            DocumentAction::Write => self.document = document,
            DocumentAction::Erase => self.document = None,
            DocumentAction::Keep => {}
        }
        self.newest = self.newest.max(entry.version);
        write.outcome.name()
    }

    fn crash(&mut self) {
        // An alarm that was interrupted runs again.
        self.is_alarm_stored |= self.is_alarm_running;
        self.cursors = self.stored;
        (self.pace, self.forced, self.alarm) = Default::default();
        (self.is_alarm_running, self.reindex) = Default::default();
        self.calls.clear();
    }

    fn run_alarm(&mut self) {
        self.is_alarm_stored = false;
        self.alarm.clear();
        self.is_alarm_running = true;
        self.begin();
    }

    fn end_alarm(&mut self) {
        self.is_alarm_running = false;
        self.stored = self.cursors;
        if self.is_pending() {
            self.set_alarm();
        }
    }

    /// Whether the Directory equals the object.
    fn is_right(&self) -> bool {
        let Connector { versions, is_erased } = self.connector;
        let Some(known) = &self.known else { return versions.version == 0 };
        let status = (!is_erased).then(|| versions.changed.to_string());
        known.version == versions.version
            && known.deleted == if is_erased { 2 } else { 0 }
            && known.status == status
            && self.document == (!is_erased).then_some(versions.edited)
    }

    /// Whether the Directory equals the object once messages are delivered and alarms have run.
    fn ends_well(&self) -> bool {
        let mut state = self.clone();
        for _ in 0..100 {
            match state.messages.take_first() {
                Some(message) => state.deliver(message),
                None if !state.calls.is_empty() => state.end(0, false),
                None if state.is_alarm_running => state.end_alarm(),
                None if state.is_alarm_stored => state.run_alarm(),
                None => return state.is_spoiled || state.is_right(),
            }
        }
        false
    }
}

fn empty_row() -> KnownEntry {
    KnownEntry {
        key: 1,
        version: 0,
        deleted: 0,
        index_name: None,
        name: None,
        service_type: None,
        description: None,
        status: None,
        since: None,
        error: None,
        last_seen: None,
        last_synced: None,
        last_sync_status: None,
        last_indexed_document_count: None,
        title: None,
    }
}

fn set(row: &mut KnownEntry, column: &Column<'_>) {
    match *column {
        ("status", Field::Text(text)) => row.status = text.map(str::to_owned),
        ("deleted", Field::Number(number)) => {
            row.deleted = number.and_then(|it| u64::try_from(it).ok()).unwrap_or_default();
        }
        _ => {}
    }
}

/// One connector and the Directory.
#[derive(Clone, Debug)]
pub struct Entries {
    pub edits: Vec<Edit>,
    pub budget: Budget,
    /// Whether the Directory's row may be corrupted, and `_reindex` called.
    pub spoils: bool,
}

impl Model for Entries {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { left: self.budget, spoils: self.spoils.into(), ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        let exists = state.connector.versions.version > 0 && !state.connector.is_erased;
        if left.edits > 0 {
            let makes_sense = |edit: &&Edit| exists || **edit == Edit::Write;
            actions.extend(self.edits.iter().filter(makes_sense).map(|edit| Action::Edit(*edit)));
        }
        if state.is_pending() && !state.pace.is_running() {
            actions.push(Action::Send);
        }
        if left.timeouts > 0 {
            actions.extend(state.calls.iter().map(|call| Action::TimeOut(call.number)));
        }
        if state.is_alarm_running {
            actions.push(Action::AlarmEnds);
        } else if state.is_alarm_stored {
            actions.push(Action::AlarmRuns);
        }
        if left.crashes > 0 {
            actions.push(Action::Crash);
        }
        let is_listed = state.known.as_ref().is_some_and(|known| known.deleted == 0);
        if state.spoils > 0 && is_listed {
            actions.push(Action::Spoil);
        }
        match state.reindex {
            Reindex::No if state.is_spoiled => actions.push(Action::Reindex),
            Reindex::Pending => actions.push(Action::ReindexSends),
            _ => {}
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
            Action::Send => state.begin(),
            Action::TimeOut(call) => {
                state.left.timeouts -= 1;
                let n = state.position(call)?;
                state.end(n, false);
            }
            Action::AlarmRuns => state.run_alarm(),
            Action::AlarmEnds => state.end_alarm(),
            Action::Crash => {
                state.left.crashes -= 1;
                state.crash();
            }
            Action::Spoil => {
                state.spoils -= 1;
                state.is_spoiled = true;
                state.known.as_mut()?.status = Some("spoiled".to_owned());
            }
            Action::Reindex => {
                state.reindex = Reindex::Pending;
                state.forced.request(&mut state.cursors);
                state.stored.directory = 0;
                state.set_alarm();
            }
            Action::ReindexSends => {
                state.reindex = Reindex::Sending;
                state.call(Caller::Reindex);
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
            Property::always("an entry never goes back", |_, state: &State| {
                state.known_version() == state.newest
            }),
            Property::always(
                "an acknowledged creation or deletion is in every later list",
                |_, state: &State| state.known_version() >= state.acknowledged,
            ),
            Property::always("every listed connector has a document", |_, state: &State| {
                let is_listed = state.known.as_ref().is_some_and(|known| known.deleted != 2);
                is_listed == state.document.is_some()
            }),
            Property::always("a row is correct after _reindex", |_, state: &State| {
                state.reindex != Reindex::Acknowledged || !state.is_spoiled
            }),
            Property::always("while a change is pending, an alarm is set", |_, state: &State| {
                !state.is_pending() || state.is_alarm_stored || state.is_alarm_running
            }),
            Property::always(
                "once messages arrive, the Directory equals the object",
                |_, state: &State| !state.messages.is_empty() || state.ends_well(),
            ),
        ]
    }
}

impl Entries {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let far = u8::from(goes_far);
        let edits = vec![Edit::Move, Edit::Write, Edit::Erase];
        let none = Budget::NONE;
        vec![
            (
                "entries, bad messages",
                Self {
                    edits: edits.clone(),
                    budget: Budget { edits: 2, lost: 1, doubled: far, timeouts: 1, ..none },
                    spoils: false,
                },
            ),
            (
                "entries, crashes",
                Self {
                    edits,
                    budget: Budget { edits: 2, doubled: far, lost: far, crashes: 1, ..none },
                    spoils: false,
                },
            ),
            (
                "entries, _reindex",
                Self {
                    edits: vec![Edit::Move, Edit::Write],
                    budget: Budget { edits: 1 + far, timeouts: 1, crashes: far, ..none },
                    spoils: true,
                },
            ),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        let budget = Budget { edits: 8, lost: 3, doubled: 3, crashes: 3, timeouts: 3 };
        Self { edits: vec![Edit::Move, Edit::Write, Edit::Erase], budget, spoils: true }
    }
}
