//! Index names: each belongs to one connector, even when two connectors want one at the same moment.
//!
//! A document that holds an index can be committed only as a [`Successor`]. That takes either a
//! document before it that held the same index, or a claim of exactly this name that the Directory
//! has granted ([`Claims`]).
//!
//! The Directory grants a name unless another connector has it by its entry or by a claim. Either may
//! be out of date, so the Directory asks that connector, takes up what it says, and looks again
//! ([`Inquiry`]). Claims are told apart by their tokens: several claims of one connector exist side by
//! side, and the end of one never ends another.

use serde::{Deserialize, Serialize};

use crate::values::sorted::SortedMap;

/// How many connectors in a row the Directory asks before it gives up.
const INQUIRIES: usize = 8;

/// A claim of an index name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The name.
    pub index: String,
    /// The connector's id.
    pub id: String,
    /// Tells it from all other claims.
    pub token: String,
}

/// A claim whose write is committed: the index and the token.
pub type SettledClaim = (String, String);

/// A change to a document that may hold an index.
pub trait Change<D> {
    /// The index that the document holds after the change and did not hold before.
    fn taken_index<'a>(&'a self, before: Option<&'a D>) -> Option<&'a str>;

    /// The document after the change.
    fn apply(self, before: Option<D>) -> Option<D>;
}

/// The claims of a connector. They are kept in memory only: a claim does not outlive the write that
/// it was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claims {
    open: SortedMap<String, OpenClaim>,
    settled: Vec<SettledClaim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OpenClaim {
    claim: Claim,
    is_granted: bool,
}

/// What a connector becomes, and the claim that gives it the right to its index.
#[derive(Debug, PartialEq, Eq)]
pub struct Successor<D> {
    document: Option<D>,
    token: Option<String>,
}

impl Claims {
    /// Notes a claim that is about to be sent.
    pub fn open(&mut self, claim: Claim) {
        self.open.insert(claim.token.clone(), OpenClaim { claim, is_granted: false });
    }

    /// Notes that the Directory has granted a claim.
    pub fn grant(&mut self, token: &str) {
        if let Some(open) = self.open.get_mut(token) {
            open.is_granted = true;
        }
    }

    /// Notes that the Directory has refused a claim: there is nothing to release.
    pub fn refuse(&mut self, token: &str) {
        self.open.remove(token);
    }

    /// Ends a claim without a commit. Returns what the Directory is to release, unless it was refused
    /// or its write was committed.
    pub fn abandon(&mut self, token: &str) -> Option<Claim> {
        self.open.remove(token).map(|open| open.claim)
    }

    /// The index of a granted claim.
    pub fn granted_index(&self, token: &str) -> Option<&str> {
        self.open.get(token).filter(|open| open.is_granted).map(|open| open.claim.index.as_str())
    }

    /// Whether a write may be about to be committed that takes this index.
    pub fn is_claiming(&self, index: &str) -> bool {
        self.open.values().any(|open| open.claim.index == index)
    }

    /// The index that has to be claimed before a change can be committed with this claim.
    pub fn missing_index<'a, D, C: Change<D>>(
        &self,
        before: Option<&'a D>,
        change: &'a C,
        token: Option<&str>,
    ) -> Option<&'a str> {
        let granted = token.and_then(|token| self.granted_index(token));
        change.taken_index(before).filter(|index| granted != Some(index))
    }

    /// What the document becomes, if it has the right to its index.
    ///
    /// # Errors
    /// The index that has to be claimed first.
    pub fn succeed<D, C: Change<D>>(
        &self,
        before: Option<D>,
        change: C,
        token: Option<&str>,
    ) -> Result<Successor<D>, String> {
        if let Some(index) = self.missing_index(before.as_ref(), &change, token) {
            return Err(index.to_owned());
        }
        // A claim of a name that is not taken is not settled: it is released.
        let is_used = change.taken_index(before.as_ref()).is_some();
        let token = token.filter(|_| is_used).map(str::to_owned);
        Ok(Successor { document: change.apply(before), token })
    }

    /// Notes that a successor is committed: the Directory keeps its claim until it has the entry.
    pub fn settle(&mut self, token: Option<&str>) {
        let Some(open) = token.and_then(|token| self.open.remove(token)) else { return };
        self.settled.push((open.claim.index, open.claim.token));
    }

    /// The claims whose write is committed and of which the Directory has not been told.
    pub fn settled(&self) -> &[SettledClaim] {
        &self.settled
    }

    /// Notes that the Directory has an entry that settles these claims.
    pub fn told(&mut self, settled: &[SettledClaim]) {
        self.settled.retain(|claim| !settled.contains(claim));
    }
}

impl<D> Successor<D> {
    /// The document.
    pub fn document(&self) -> Option<&D> {
        self.document.as_ref()
    }

    /// The document, and the claim to settle once it is committed.
    pub fn into_parts(self) -> (Option<D>, Option<String>) {
        (self.document, self.token)
    }
}

/// Another connector that has a name, as the Directory knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Rival {
    /// The connector's id.
    pub id: String,
    /// The token, if it has the name by a claim; `None`: by its entry.
    pub token: Option<String>,
}

/// The Directory's work on a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inquiry {
    claim: Claim,
    asked: usize,
}

/// What the Directory does next about a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Grant it, before anything else happens.
    Grant(Claim),
    /// Ask another connector.
    Ask(Question),
    /// Say that it cannot be decided: the name changes hands too fast.
    GiveUp,
}

/// A question to a connector: do you hold that index, or are you about to?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The connector's id.
    pub id: String,
    /// The index.
    pub index: String,
    /// Its claims of the index that the Directory knows of.
    pub tokens: Vec<String>,
}

/// What a connector says of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It holds it.
    Holds,
    /// It may be about to commit a write that takes it.
    Claims,
    /// Neither.
    Neither,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The name belongs to the connector that was asked: refuse the claim.
    Refuse,
    /// These claims of it are over: forget them, and look again.
    Forget(Vec<String>),
}

impl Inquiry {
    /// About a claim that has arrived.
    pub fn new(claim: Claim) -> Self {
        Self { claim, asked: 0 }
    }

    /// The claim.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What to do, given all other connectors that have the name at this moment.
    pub fn next(&mut self, rivals: &[Rival]) -> Next {
        let Some(rival) = rivals.first() else { return Next::Grant(self.claim.clone()) };
        if self.asked == INQUIRIES {
            return Next::GiveUp;
        }
        self.asked += 1;
        let of_the_same = rivals.iter().filter(|other| other.id == rival.id);
        Next::Ask(Question {
            id: rival.id.clone(),
            index: self.claim.index.clone(),
            tokens: of_the_same.filter_map(|rival| rival.token.clone()).collect(),
        })
    }
}

impl Question {
    /// What follows from the answer. Only claims that were known when the question was asked are
    /// forgotten: a newer one may be granted by the time the answer arrives.
    pub fn answered(self, answer: Answer) -> Verdict {
        match answer {
            Answer::Holds | Answer::Claims => Verdict::Refuse,
            Answer::Neither => Verdict::Forget(self.tokens),
        }
    }
}
