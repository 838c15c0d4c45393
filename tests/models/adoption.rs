//! Imports: a document in Workers KV becomes a connector once, and replaces nothing.

use std::fmt;

use connector_status::protocol::adoption::{
    Import, Next, NotGranted, is_served_without, may_write_unseen, next,
};
use connector_status::protocol::claims::{Change, Claim, Claims};
use stateright::{Model, Property};

use crate::network::Budget;

const INDEX: &str = "i";

/// Where a connector's document comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Document {
    Imported,
    Created,
}

/// The adoption of the import, which has an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Adopt;

impl Change<Document> for Adopt {
    fn taken_index<'a>(&'a self, _before: Option<&'a Document>) -> Option<&'a str> {
        Some(INDEX)
    }

    fn apply(self, _before: Option<Document>) -> Option<Document> {
        Some(Document::Imported)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Get,
    Create,
    /// With `If-None-Match: *`.
    CreateIfAbsent,
    Erase,
}

/// A request in progress.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// It waits for Workers KV.
    Reading(Kind),
    /// It waits for the Directory.
    Claiming(Kind, String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    /// The object's row; without a document, the connector was erased.
    row: Option<Option<Document>>,
    tokens: u8,
    // In memory.
    claims: Claims,
    requests: Vec<Request>,
    /// The Directory has answered that another connector has the index.
    is_in_use: bool,
    adoptions: u8,
    /// A row was replaced by the import.
    is_replaced: bool,
    /// The import was adopted without a grant of its index.
    is_unclaimed: bool,
    /// A request was answered as if the connector did not exist.
    is_denied: bool,
    left: Budget,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Begin(Kind),
    Read(Request),
    ReadTimesOut(Request),
    Grant(Request),
    InUse(Request),
    ClaimTimesOut(Request),
    Crash,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin(kind) => write!(f, "{kind:?} arrives; without a row, Workers KV is read"),
            Self::Read(request) => write!(f, "{request:?}: Workers KV returns the import"),
            Self::ReadTimesOut(request) => {
                write!(f, "{request:?}: the read of Workers KV times out")
            }
            Self::Grant(request) => write!(f, "{request:?}: the index is granted"),
            Self::InUse(request) => write!(f, "{request:?}: another connector has the index"),
            Self::ClaimTimesOut(request) => write!(f, "{request:?}: the claim times out"),
            Self::Crash => f.write_str("the object crashes and restarts"),
        }
    }
}

impl State {
    fn wait(&mut self, request: Request) {
        self.requests.push(request);
        self.requests.sort();
    }

    fn take(&mut self, request: &Request) {
        let place = self.requests.iter().position(|it| it == request);
        self.requests.remove(place.expect("a request in progress"));
    }

    fn attempt(&mut self, kind: Kind, import: &Import<Adopt>, token: Option<&str>) {
        let has_row = self.row.is_some();
        match next(has_row, import, &self.claims, token) {
            Next::Serve => self.serve(kind),
            Next::Refuse if may_write_unseen(is_creation(kind), kind == Kind::CreateIfAbsent) => {
                self.serve(kind);
            }
            Next::Refuse => {}
            Next::Claim(index) => {
                self.tokens += 1;
                let token = self.tokens.to_string();
                self.claims.open(Claim { index, id: "c".to_owned(), token: token.clone() });
                self.wait(Request::Claiming(kind, token));
            }
            Next::Adopt(successor) => {
                let granted = token.and_then(|token| self.claims.granted_index(token));
                self.is_unclaimed |= granted != Some(INDEX);
                self.is_replaced |= has_row;
                self.adoptions += 1;
                let (document, token) = successor.into_parts();
                self.row = Some(document);
                self.claims.commit(token.as_deref());
                self.serve(kind);
            }
        }
        if let Some(token) = token {
            drop(self.claims.abandon(token));
        }
    }

    fn commit(&mut self, document: Document) {
        self.row = Some(Some(document));
    }

    fn serve(&mut self, kind: Kind) {
        let exists = self.row.is_some_and(|document| document.is_some());
        if self.row.is_none() && kind != Kind::Create && !self.is_in_use {
            self.is_denied = true;
        }
        match kind {
            Kind::Create => self.commit(Document::Created),
            Kind::CreateIfAbsent if !exists => self.commit(Document::Created),
            Kind::Erase if exists => self.row = Some(None),
            Kind::Get | Kind::CreateIfAbsent | Kind::Erase => {}
        }
    }
}

fn is_creation(kind: Kind) -> bool {
    matches!(kind, Kind::Create | Kind::CreateIfAbsent)
}

/// One import and its object.
#[derive(Clone, Debug)]
pub struct Imports {
    pub budget: Budget,
}

impl Model for Imports {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State { left: self.budget, ..State::default() }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.left;
        // Two at a time.
        if left.edits > 0 && state.requests.len() < 2 {
            let kinds = [Kind::Get, Kind::Create, Kind::CreateIfAbsent, Kind::Erase];
            actions.extend(kinds.map(Action::Begin));
        }
        for request in &state.requests {
            let request = request.clone();
            match &request {
                Request::Reading(_) => {
                    if left.timeouts > 0 {
                        actions.push(Action::ReadTimesOut(request.clone()));
                    }
                    actions.push(Action::Read(request));
                }
                Request::Claiming(..) => {
                    if left.timeouts > 0 {
                        actions.push(Action::ClaimTimesOut(request.clone()));
                    }
                    actions.push(Action::InUse(request.clone()));
                    if !state.is_in_use {
                        actions.push(Action::Grant(request));
                    }
                }
            }
        }
        if left.crashes > 0 {
            actions.push(Action::Crash);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(kind) => {
                state.left.edits -= 1;
                match state.row {
                    Some(_) => state.serve(kind),
                    // Workers KV always returns the import: copies of an erased connector may reappear.
                    None => state.wait(Request::Reading(kind)),
                }
            }
            Action::Read(request) => {
                state.take(&request);
                let Request::Reading(kind) = request else { return None };
                state.attempt(kind, &Import::Found(Adopt), None);
            }
            Action::ReadTimesOut(request) => {
                state.left.timeouts -= 1;
                state.take(&request);
                let Request::Reading(kind) = request else { return None };
                state.attempt(kind, &Import::Unknown, None);
            }
            Action::Grant(request) => {
                state.take(&request);
                let Request::Claiming(kind, token) = request else { return None };
                state.claims.grant(&token);
                state.attempt(kind, &Import::Found(Adopt), Some(&token));
            }
            Action::InUse(request) => {
                state.take(&request);
                let Request::Claiming(kind, token) = request else { return None };
                state.is_in_use = true;
                state.claims.refuse(&token);
                if is_served_without(NotGranted::InUse) {
                    state.serve(kind);
                }
            }
            Action::ClaimTimesOut(request) => {
                state.left.timeouts -= 1;
                state.take(&request);
                let Request::Claiming(kind, token) = request else { return None };
                drop(state.claims.abandon(&token));
                if is_served_without(NotGranted::Unknown) {
                    state.serve(kind);
                }
            }
            Action::Crash => {
                state.left.crashes -= 1;
                state.requests.clear();
                state.claims = Claims::default();
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("an import is adopted once", |_, state: &State| state.adoptions <= 1),
            Property::always("an import replaces nothing", |_, state: &State| !state.is_replaced),
            Property::always("an import is adopted with its index granted", |_, state: &State| {
                !state.is_unclaimed
            }),
            Property::always(
                "a connector in Workers KV is never reported as missing",
                |_, state: &State| !state.is_denied,
            ),
        ]
    }
}

impl Imports {
    /// The models that are explored. `goes_far`: in minutes rather than seconds.
    pub fn walks(goes_far: bool) -> Vec<(&'static str, Self)> {
        let edits = if goes_far { 6 } else { 4 };
        let budget = Budget { edits, timeouts: 2, crashes: 1, ..Budget::NONE };
        vec![("imports", Self { budget })]
    }

    /// The model for random histories.
    pub fn wide() -> Self {
        Self { budget: Budget { edits: 20, timeouts: 6, crashes: 4, ..Budget::NONE } }
    }
}
