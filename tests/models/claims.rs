//! Claims of index names: at most one connector holds a name, whatever happens to messages and
//! objects.

use std::collections::BTreeMap;
use std::fmt;

use connector_status::protocol::claims::{
    Answer, Change, Claim, Claims, CommittedClaim, Inquiry, Next, Question, Rival, Verdict,
};
use stateright::{Model, Property};

use crate::network::Budget;

/// The edge's limit of claims for one write.
const CLAIMS_PER_WRITE: u8 = 3;

/// The model's view of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Document {
    index: Option<&'static str>,
    is_deleted: bool,
}

impl Document {
    const fn with(index: &'static str) -> Self {
        Self { index: Some(index), is_deleted: false }
    }

    fn held(self) -> Option<&'static str> {
        self.index.filter(|_| !self.is_deleted)
    }
}

/// A request that concerns an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edit {
    Create(&'static str),
    Rename(&'static str),
    Detach,
    Delete,
    Restore,
    Erase,
}

impl Change<Document> for Edit {
    fn taken_index<'a>(&'a self, before: Option<&'a Document>) -> Option<&'a str> {
        let after = Change::apply(*self, before.copied())?.held()?;
        (before.and_then(|before| before.held()) != Some(after)).then_some(after)
    }

    fn apply(self, before: Option<Document>) -> Option<Document> {
        match self {
            Self::Create(index) => Some(Document::with(index)),
            Self::Rename(index) => Some(Document { index: Some(index), ..before? }),
            Self::Detach => Some(Document { index: None, ..before? }),
            Self::Delete => Some(Document { is_deleted: true, ..before? }),
            Self::Restore => Some(Document { is_deleted: false, ..before? }),
            Self::Erase => None,
        }
    }
}

/// A connector's state as reported to the Directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    version: u8,
    document: Option<Document>,
}

/// A message in transit. A reply belongs to its call, as in the runtime, and cannot answer another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    Claim(Claim),
    ClaimReply { to: usize, token: String, granted: Option<bool> },
    Question { call: String, to: usize, index: String },
    Answer { call: String, from: usize, entry: Option<Entry>, is_claiming: bool },
    Release(Claim),
    Apply { from: usize, entry: Entry, committed: Vec<CommittedClaim> },
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(Claim { index, id, token }) => {
                write!(f, "claim {token} of {index} by {id}")
            }
            Self::ClaimReply { to, token, granted } => {
                let what = match granted {
                    Some(true) => "granted",
                    Some(false) => "refused",
                    None => "undecided",
                };
                write!(f, "reply to c{to}: claim {token} is {what}")
            }
            Self::Question { call, to, index } => {
                write!(f, "question {call} to c{to}: do you hold {index}?")
            }
            Self::Answer { call, from, entry, is_claiming } => write!(
                f,
                "answer of c{from} to question {call}: {entry:?}{}",
                if *is_claiming { ", and it is claiming the index" } else { "" }
            ),
            Self::Release(Claim { index, token, .. }) => write!(f, "release of {token} ({index})"),
            Self::Apply { from, entry, committed } => {
                write!(
                    f,
                    "entry of c{from}: {entry:?}, including the writes of claims {committed:?}"
                )
            }
        }
    }
}

/// A request in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Write {
    edit: Edit,
    /// The claim that it waits for or holds.
    token: Option<String>,
    claims: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Object {
    // Stored.
    document: Option<Document>,
    version: u8,
    tokens: u8,
    // In memory.
    cursor: u8,
    claims: Claims,
    writes: Vec<Write>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Directory {
    // Stored.
    entries: BTreeMap<usize, Entry>,
    claims: Vec<Claim>,
    // In memory.
    inquiries: Vec<(Inquiry, Option<(String, Question)>)>,
    /// The number of questions asked for each claim, by token: a duplicated claim asks its own.
    questions: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    objects: Vec<Object>,
    directory: Directory,
    messages: Vec<Message>,
    left: Budget,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Begin(usize, Edit),
    Deliver(Message),
    Lose(Message),
    Double(Message),
    /// A request stops waiting for the Directory.
    TimeOut(usize, usize),
    /// The Directory stops waiting for a connector.
    InquiryTimesOut(usize),
    /// The outbox sends the newest version.
    Report(usize),
    Crash(usize),
    CrashDirectory,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(object, edit) => write!(f, "request to c{object}: {edit:?}"),
            Self::Deliver(message) => write!(f, "arrives: {message}"),
            Self::Lose(message) => write!(f, "is lost: {message}"),
            Self::Double(message) => write!(f, "arrives, and will arrive again: {message}"),
            Self::TimeOut(object, write) => write!(f, "request {write} to c{object} times out"),
            Self::InquiryTimesOut(n) => write!(f, "inquiry {n} of the Directory times out"),
            Self::Report(object) => write!(f, "c{object} reports its state to the Directory"),
            Self::Crash(object) => write!(f, "c{object} crashes and restarts"),
            Self::CrashDirectory => write!(f, "the Directory crashes and restarts"),
        }
    }
}

fn id(object: usize) -> String {
    format!("c{object}")
}

fn number(id: &str) -> usize {
    id.trim_start_matches('c').parse().expect("an id of the model")
}

impl State {
    /// A state in which these connectors are stored and known.
    fn of(documents: &[Option<Document>], left: Budget) -> Self {
        let mut state = Self { left, ..Self::default() };
        for (n, document) in documents.iter().enumerate() {
            let version = u8::from(document.is_some());
            state.objects.push(Object {
                document: *document,
                version,
                cursor: version,
                ..Object::default()
            });
            if let Some(document) = document {
                state.directory.entries.insert(n, Entry { version, document: Some(*document) });
            }
        }
        state
    }

    fn send(&mut self, message: Message) {
        self.messages.push(message);
        // Messages may arrive in any order, so the order in which they were sent is not part of the
        // state.
        self.messages.sort();
    }

    fn take(&mut self, message: &Message) {
        let place = self.messages.iter().position(|it| it == message);
        self.messages.remove(place.expect("a message in transit"));
    }

    fn release(&mut self, claim: Option<Claim>) {
        if let Some(claim) = claim {
            self.send(Message::Release(claim));
        }
    }

    /// Ends a request, with or without a commit.
    fn end(&mut self, object: usize, write: usize) {
        let it = &mut self.objects[object];
        let write = it.writes.remove(write);
        let released = write.token.and_then(|token| it.claims.abandon(&token));
        self.release(released);
    }

    /// Decides and commits, or claims what is missing.
    fn attempt(&mut self, object: usize, n: usize) {
        let it = &mut self.objects[object];
        let Write { edit, token, claims } = it.writes[n].clone();
        let before = it.document;
        if before.is_none() && !matches!(edit, Edit::Create(_)) {
            return self.end(object, n);
        }
        let missing = it.claims.missing_index(before.as_ref(), &edit, token.as_deref());
        if let Some(index) = missing.map(str::to_owned) {
            if claims == CLAIMS_PER_WRITE {
                return self.end(object, n);
            }
            let released = token.and_then(|token| it.claims.abandon(&token));
            // Tokens are random in the edge.
            it.tokens += 1;
            let token = format!("{object}.{}", it.tokens);
            let claim = Claim { index, id: id(object), token };
            it.claims.open(claim.clone());
            it.writes[n] = Write { edit, token: Some(claim.token.clone()), claims: claims + 1 };
            self.release(released);
            return self.send(Message::Claim(claim));
        }
        if let Ok(successor) = it.claims.succeed(before, edit, token.as_deref()) {
            let (document, token) = successor.into_parts();
            it.document = document;
            it.version += 1;
            it.claims.commit(token.as_deref());
        }
        self.end(object, n);
    }

    fn inquire(&mut self, n: usize) {
        let (inquiry, _) = &mut self.directory.inquiries[n];
        let Claim { index, id: asking, .. } = inquiry.claim().clone();
        let claims = self.directory.claims.iter();
        let mut rivals: Vec<Rival> = claims
            .filter(|claim| claim.index == index && claim.id != asking)
            .map(|claim| Rival { id: claim.id.clone(), token: Some(claim.token.clone()) })
            .collect();
        for (object, entry) in &self.directory.entries {
            let held = entry.document.and_then(Document::held);
            if held == Some(index.as_str()) && id(*object) != asking {
                rivals.push(Rival { id: id(*object), token: None });
            }
        }
        match inquiry.next(&rivals) {
            Next::Grant(claim) => {
                if !self.directory.claims.contains(&claim) {
                    self.directory.claims.push(claim);
                    self.directory.claims.sort();
                }
                self.conclude(n, Some(true));
            }
            Next::GiveUp => self.conclude(n, None),
            Next::Ask(question) => {
                let to = number(&question.id);
                let (inquiry, asked) = &mut self.directory.inquiries[n];
                let token = &inquiry.claim().token;
                let count = self.directory.questions.entry(token.clone()).or_default();
                *count += 1;
                let call = format!("{token}/{count}");
                *asked = Some((call.clone(), question));
                self.send(Message::Question { call, to, index });
            }
        }
    }

    fn conclude(&mut self, n: usize, granted: Option<bool>) {
        let (inquiry, _) = self.directory.inquiries.remove(n);
        let Claim { id, token, .. } = inquiry.claim().clone();
        self.send(Message::ClaimReply { to: number(&id), token, granted });
    }

    /// Applies a connector's reported state.
    fn apply(&mut self, object: usize, entry: Entry, committed: &[CommittedClaim]) {
        let known = self.directory.entries.get(&object);
        if known.is_none_or(|known| known.version < entry.version) {
            self.directory.entries.insert(object, entry);
        }
        self.directory
            .claims
            .retain(|claim| !committed.contains(&(claim.index.clone(), claim.token.clone())));
    }

    fn deliver(&mut self, message: Message) {
        match message {
            Message::Claim(claim) => {
                self.directory.inquiries.push((Inquiry::new(claim), None));
                self.inquire(self.directory.inquiries.len() - 1);
            }
            Message::ClaimReply { to, token, granted } => {
                let it = &mut self.objects[to];
                let waits = |write: &Write| write.token.as_ref() == Some(&token);
                // A late reply is ignored.
                let Some(n) = it.writes.iter().position(waits) else { return };
                if it.claims.granted_index(&token).is_some() {
                    return;
                }
                match granted {
                    Some(true) => {
                        it.claims.grant(&token);
                        self.attempt(to, n);
                    }
                    Some(false) => {
                        it.claims.refuse(&token);
                        self.end(to, n);
                    }
                    None => self.end(to, n),
                }
            }
            Message::Question { call, to, index } => {
                let it = &self.objects[to];
                let exists = it.version > 0;
                let entry = exists.then_some(Entry { version: it.version, document: it.document });
                let is_claiming = it.claims.is_claiming(&index);
                self.send(Message::Answer { call, from: to, entry, is_claiming });
            }
            Message::Answer { call, from, entry, is_claiming } => {
                let is_for = |question: &(String, Question)| question.0 == call;
                let waits =
                    |(_, question): &(Inquiry, Option<_>)| question.as_ref().is_some_and(is_for);
                let Some(n) = self.directory.inquiries.iter().position(waits) else { return };
                let Some((_, question)) = self.directory.inquiries[n].1.take() else { return };
                let index = question.index.clone();
                if let Some(entry) = entry {
                    self.apply(from, entry, &[]);
                }
                let held = entry.and_then(|entry| entry.document).and_then(Document::held);
                let answer = match (held == Some(index.as_str()), is_claiming) {
                    (true, _) => Answer::Holds,
                    (false, true) => Answer::Claims,
                    (false, false) => Answer::Neither,
                };
                match question.answered(answer) {
                    Verdict::Refuse => self.conclude(n, Some(false)),
                    Verdict::Forget(tokens) => {
                        self.directory
                            .claims
                            .retain(|it| it.index != index || !tokens.contains(&it.token));
                        self.inquire(n);
                    }
                }
            }
            Message::Release(claim) => {
                let claims = &mut self.directory.claims;
                claims.retain(|it| it.index != claim.index || it.token != claim.token);
            }
            Message::Apply { from, entry, committed } => {
                self.apply(from, entry, &committed);
                // The reply. If it is lost, the object reports the same again.
                let it = &mut self.objects[from];
                it.cursor = it.cursor.max(entry.version);
                it.claims.acknowledge(&committed);
            }
        }
    }

    fn report(&mut self, object: usize) {
        let it = &self.objects[object];
        let entry = Entry { version: it.version, document: it.document };
        let committed = it.claims.committed().to_vec();
        self.send(Message::Apply { from: object, entry, committed });
    }

    fn must_report(&self, object: usize) -> bool {
        let it = &self.objects[object];
        let is_in_transit = |message: &Message| matches!(message, Message::Apply { from, entry, .. } if *from == object && entry.version == it.version);
        it.cursor < it.version && !self.messages.iter().any(is_in_transit)
    }

    fn holders(&self, index: &str) -> usize {
        let holds = |object: &&Object| object.document.and_then(Document::held) == Some(index);
        self.objects.iter().filter(holds).count()
    }

    fn is_quiet(&self) -> bool {
        let is_idle = |object: &Object| object.writes.is_empty();
        self.messages.is_empty() && self.objects.iter().all(is_idle)
    }

    /// The state once all messages are delivered.
    fn drained(&self) -> Self {
        let mut state = self.clone();
        for _ in 0..1_000 {
            if let Some(object) = (0..state.objects.len()).find(|object| state.must_report(*object))
            {
                state.report(object);
            }
            match state.messages.first().cloned() {
                Some(message) => {
                    state.messages.remove(0);
                    state.deliver(message);
                }
                None => return state,
            }
        }
        panic!("messages never end: {self:?}")
    }

    /// Whether, once all messages are delivered, the Directory knows the state of all connectors,
    /// and any connector can get a name that nobody holds.
    fn ends_well(&self, names: &[&'static str]) -> bool {
        let state = self.drained();
        let is_known = |(n, it): (usize, &Object)| {
            let known = state.directory.entries.get(&n);
            it.version == 0 || known == Some(&Entry { version: it.version, document: it.document })
        };
        if !state.objects.iter().enumerate().all(is_known) {
            return false;
        }
        names.iter().all(|name| {
            (0..state.objects.len()).all(|object| {
                let mut then = state.clone();
                then.begin(object, Edit::Create(name));
                let then = then.drained();
                let has_it = then.objects[object].document.and_then(Document::held) == Some(name);
                let others = state.holders(name)
                    - usize::from(
                        state.objects[object].document.and_then(Document::held) == Some(name),
                    );
                has_it == (others == 0)
            })
        })
    }

    fn begin(&mut self, object: usize, edit: Edit) {
        let it = &mut self.objects[object];
        it.writes.push(Write { edit, token: None, claims: 0 });
        let n = it.writes.len() - 1;
        self.attempt(object, n);
    }
}

/// Connectors, and the requests they may get.
#[derive(Clone, Debug)]
pub struct Names {
    pub starts: Vec<Vec<Option<Document>>>,
    pub edits: Vec<Edit>,
    pub at_once: usize,
    pub budget: Budget,
}

impl Model for Names {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.starts.iter().map(|documents| State::of(documents, self.budget)).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        for (n, it) in state.objects.iter().enumerate() {
            if left.edits > 0 && it.writes.len() < self.at_once {
                actions.extend(self.edits.iter().map(|edit| Action::Begin(n, *edit)));
            }
            if left.timeouts > 0 {
                actions.extend((0..it.writes.len()).map(|write| Action::TimeOut(n, write)));
            }
            let is_empty = it.cursor == 0 && it.claims == Claims::default() && it.writes.is_empty();
            if left.crashes > 0 && !is_empty {
                actions.push(Action::Crash(n));
            }
            if state.must_report(n) {
                actions.push(Action::Report(n));
            }
        }
        if left.timeouts > 0 {
            actions.extend((0..state.directory.inquiries.len()).map(Action::InquiryTimesOut));
        }
        if left.crashes > 0 && !state.directory.inquiries.is_empty() {
            actions.push(Action::CrashDirectory);
        }
        for (n, message) in state.messages.iter().enumerate() {
            if n > 0 && state.messages[n - 1] == *message {
                continue;
            }
            actions.push(Action::Deliver(message.clone()));
            if left.lost > 0 {
                actions.push(Action::Lose(message.clone()));
            }
            if left.doubled > 0 {
                actions.push(Action::Double(message.clone()));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(object, edit) => {
                state.left.edits -= 1;
                state.begin(object, edit);
            }
            Action::Deliver(message) => {
                state.take(&message);
                state.deliver(message);
            }
            Action::Lose(message) => {
                state.left.lost -= 1;
                state.take(&message);
            }
            Action::Double(message) => {
                state.left.doubled -= 1;
                state.deliver(message);
            }
            Action::TimeOut(object, write) => {
                state.left.timeouts -= 1;
                state.end(object, write);
            }
            Action::InquiryTimesOut(n) => {
                state.left.timeouts -= 1;
                state.conclude(n, None);
            }
            Action::Report(object) => state.report(object),
            Action::Crash(object) => {
                state.left.crashes -= 1;
                let Object { document, version, tokens, .. } = state.objects[object];
                state.objects[object] = Object { document, version, tokens, ..Object::default() };
            }
            Action::CrashDirectory => {
                state.left.crashes -= 1;
                state.directory.inquiries.clear();
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one index, one connector", |_, state: &State| {
                ["a", "b"].iter().all(|name| state.holders(name) <= 1)
            }),
            Property::always(
                "once messages arrive, the Directory is up to date and unused names can be claimed",
                |_, state: &State| !state.is_quiet() || state.ends_well(&["a", "b"]),
            ),
        ]
    }
}

const A: Option<Document> = Some(Document::with("a"));
const B: Option<Document> = Some(Document::with("b"));
const DELETED_A: Option<Document> = Some(Document { index: Some("a"), is_deleted: true });

impl Names {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        use Edit::{Create, Delete, Detach, Erase, Rename, Restore};
        let far = u8::from(goes_far);
        let none = Budget::NONE;
        vec![
            (
                "claims, two requests at once",
                Self {
                    starts: vec![vec![None, DELETED_A], vec![A, DELETED_A]],
                    edits: vec![Create("a"), Rename("b"), Restore, Delete],
                    at_once: 2,
                    budget: Budget { edits: 3, timeouts: far, ..none },
                },
            ),
            (
                "claims, bad messages",
                Self {
                    starts: vec![vec![None, None], vec![A, None]],
                    edits: vec![Create("a"), Detach, Erase],
                    at_once: 2,
                    budget: Budget { edits: 2 + far, lost: 1, doubled: 1, timeouts: 1, ..none },
                },
            ),
            (
                "claims, crashes",
                Self {
                    starts: vec![vec![None, None], vec![A, DELETED_A]],
                    edits: vec![Create("a"), Restore, Delete],
                    at_once: 2,
                    budget: Budget { edits: 2 + far, crashes: 1 + far, timeouts: 1, ..none },
                },
            ),
            (
                "claims, three connectors and two names",
                Self {
                    starts: vec![vec![A, B, None]],
                    edits: vec![Rename("a"), Rename("b"), Create("a"), Detach],
                    at_once: 1,
                    budget: Budget { edits: 3, timeouts: far, ..none },
                },
            ),
        ]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        use Edit::{Create, Delete, Detach, Erase, Rename, Restore};
        Self {
            starts: vec![vec![A, B, None], vec![A, DELETED_A, None], vec![None, None, None]],
            edits: vec![Create("a"), Rename("a"), Rename("b"), Detach, Delete, Restore, Erase],
            at_once: 2,
            budget: Budget { edits: 8, lost: 2, doubled: 2, crashes: 2, timeouts: 2 },
        }
    }
}
