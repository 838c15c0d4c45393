//! What a search asks of a document: the part of Elasticsearch's query language that connector
//! services speak, and a little more. Pure: documents and the time are handed in.
//!
//! ```text
//! JSON --parse--> Query --Evaluator--> matches(document)? and its values to sort by
//!                   \----Prefilter---> what an index of some columns can say beforehand
//! ```

mod evaluate;
mod parse;
mod prefilter;
mod range;
mod scalar;

use std::collections::BTreeSet;

pub use evaluate::{Candidate, Evaluator, Found};
pub use parse::parse;
pub use prefilter::{Column, Condition, Prefilter};
pub use range::{Bound, Limit, Range};
pub use scalar::{Kind, Scalar};

/// What a search asks of a document. There are no scores: a document matches or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Nothing: `match_all`.
    All,
    /// One of the field's values is one of these: `term`, `terms`, `match`, `ids`.
    AnyOf(Field, Terms),
    /// One of the field's values lies between: `range`.
    Range(Field, Range),
    /// A combination of others: `bool`.
    Bool(Bool),
}

/// Values to compare with. Sorted rather than hashed: looking one up takes few steps even for values
/// that were chosen to make it slow.
pub type Terms = BTreeSet<String>;

/// A combination of queries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bool {
    /// Each of these: `must` and `filter`.
    pub must: Vec<Query>,
    /// None of these.
    pub must_not: Vec<Query>,
    /// At least [`Self::least`] of these.
    pub should: Vec<Query>,
    /// How many of [`Self::should`].
    pub least: usize,
}

/// A field, and how its values are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Names with dots between them; `_id` is the document's id.
    pub path: String,
    /// How its values are compared.
    pub kind: Kind,
}

/// The path of the id.
pub const ID: &str = "_id";

impl Query {
    /// All of these.
    pub fn all_of(queries: impl IntoIterator<Item = Self>) -> Self {
        Self::Bool(Bool { must: queries.into_iter().collect(), ..Bool::default() })
    }

    /// A keyword that is one of these.
    pub fn keyword<'a>(path: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let field = Field { path: path.to_owned(), kind: Kind::Keyword };
        Self::AnyOf(field, values.into_iter().map(str::to_owned).collect())
    }
}
