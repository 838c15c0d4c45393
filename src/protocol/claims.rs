//! Index names: each belongs to one connector, even if two connectors ask for it at the same time.
//!
//! A document that holds an index can be committed only as a [`Successor`]. This requires that the
//! previous document held the same index, or that the Directory has granted a claim of exactly this name
//! ([`Claims`]).
//!
//! The Directory grants a name unless another connector has it by an entry or by a claim. Either may be
//! stale, so the Directory asks that connector, applies the answer, and checks again ([`Inquiry`]). Each
//! claim has its own token: a connector can have several claims, and ending one never ends another.

use serde::{Deserialize, Serialize};

use crate::values::sorted::SortedMap;

/// How many connectors the Directory asks about one claim before it gives up.
const INQUIRIES: usize = 8;

/// A claim of an index name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    pub index: String,
    /// The connector's id.
    pub id: String,
    /// Unique to this claim.
    pub token: String,
}

/// The index and token of a claim whose write is committed.
pub type CommittedClaim = (String, String);

/// A change to a document that may hold an index.
pub trait Change<D> {
    /// The index that the document holds after the change, but did not hold before.
    fn taken_index<'a>(&'a self, before: Option<&'a D>) -> Option<&'a str>;

    /// The document after the change.
    fn apply(self, before: Option<D>) -> Option<D>;
}

/// A connector's claims. They are kept in memory only: a claim never outlives the write that it was made
/// for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Claims {
    open: SortedMap<String, OpenClaim>,
    committed: Vec<CommittedClaim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct OpenClaim {
    claim: Claim,
    is_granted: bool,
}

/// The next state of a connector, and the claim that gives it the right to its index.
#[derive(Debug, PartialEq, Eq)]
pub struct Successor<D> {
    document: Option<D>,
    token: Option<String>,
}

impl Claims {
    /// To be called before a claim is sent.
    pub fn open(&mut self, claim: Claim) {
        self.open.insert(claim.token.clone(), OpenClaim { claim, is_granted: false });
    }

    pub fn grant(&mut self, token: &str) {
        if let Some(open) = self.open.get_mut(token) {
            open.is_granted = true;
        }
    }

    /// The Directory has refused a claim, so there is nothing to release.
    pub fn refuse(&mut self, token: &str) {
        self.open.remove(token);
    }

    /// Ends a claim without a commit. Returns the claim that the Directory must release; `None` if it was
    /// refused, or its write was committed.
    pub fn abandon(&mut self, token: &str) -> Option<Claim> {
        self.open.remove(token).map(|open| open.claim)
    }

    /// The index of a granted claim.
    pub fn granted_index(&self, token: &str) -> Option<&str> {
        self.open.get(token).filter(|open| open.is_granted).map(|open| open.claim.index.as_str())
    }

    /// Whether a write that takes this index may be about to be committed.
    pub fn is_claiming(&self, index: &str) -> bool {
        self.open.values().any(|open| open.claim.index == index)
    }

    /// The index that must be claimed before a change can be committed with this claim.
    pub fn missing_index<'a, D, C: Change<D>>(
        &self,
        before: Option<&'a D>,
        change: &'a C,
        token: Option<&str>,
    ) -> Option<&'a str> {
        let granted = token.and_then(|token| self.granted_index(token));
        change.taken_index(before).filter(|index| granted != Some(index))
    }

    /// The successor, if it has the right to its index.
    ///
    /// # Errors
    /// The index that must be claimed first.
    pub fn succeed<D, C: Change<D>>(
        &self,
        before: Option<D>,
        change: C,
        token: Option<&str>,
    ) -> Result<Successor<D>, String> {
        if let Some(index) = self.missing_index(before.as_ref(), &change, token) {
            return Err(index.to_owned());
        }
        // A claim that the change does not use is released.
        let is_used = change.taken_index(before.as_ref()).is_some();
        let token = token.filter(|_| is_used).map(str::to_owned);
        Ok(Successor { document: change.apply(before), token })
    }

    /// A successor is committed. The Directory keeps its claim until it has the entry.
    pub fn commit(&mut self, token: Option<&str>) {
        let Some(open) = token.and_then(|token| self.open.remove(token)) else { return };
        self.committed.push((open.claim.index, open.claim.token));
    }

    /// The committed claims that the Directory has not acknowledged.
    pub fn committed(&self) -> &[CommittedClaim] {
        &self.committed
    }

    /// The Directory has an entry that includes the writes of these claims.
    pub fn acknowledge(&mut self, committed: &[CommittedClaim]) {
        self.committed.retain(|claim| !committed.contains(claim));
    }
}

impl<D> Successor<D> {
    pub fn document(&self) -> Option<&D> {
        self.document.as_ref()
    }

    /// The document, and the token for [`Claims::commit`].
    pub fn into_parts(self) -> (Option<D>, Option<String>) {
        (self.document, self.token)
    }
}

/// Another connector that has the name, according to the Directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Rival {
    /// The connector's id.
    pub id: String,
    /// The token of its claim; `None`: it has the name by its entry.
    pub token: Option<String>,
}

/// The Directory's decision about a claim, in progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inquiry {
    claim: Claim,
    asked: usize,
}

/// The Directory's next step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Grant the claim before anything else happens.
    Grant(Claim),
    Ask(Question),
    /// Answer that there is no decision: the name changes hands too fast.
    GiveUp,
}

/// Asks a connector whether it holds an index, or is about to take it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The connector's id.
    pub id: String,
    pub index: String,
    /// Its claims of the index that the Directory knows of.
    pub tokens: Vec<String>,
}

/// A connector's answer to a [`Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Holds,
    /// It may be about to commit a write that takes the index.
    Claims,
    Neither,
}

/// What the Directory does after an answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The name belongs to the connector that was asked: refuse the claim.
    Refuse,
    /// Remove these claims, which are over, and check again.
    Forget(Vec<String>),
}

impl Inquiry {
    pub fn new(claim: Claim) -> Self {
        Self { claim, asked: 0 }
    }

    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// `rivals`: all other connectors that have the name at this moment.
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
    /// Only claims that were known when the question was asked are removed: a newer one may have been
    /// granted before the answer arrives.
    pub fn answered(self, answer: Answer) -> Verdict {
        match answer {
            Answer::Holds | Answer::Claims => Verdict::Refuse,
            Answer::Neither => Verdict::Forget(self.tokens),
        }
    }
}
