//! Search queries: the part of Elasticsearch's query language that connector services use, and a
//! little more. Pure: documents and the time are passed in.
//!
//! ```text
//! JSON --parse--> Query --Evaluator--> whether a document matches, and its sort values
//!                   \----Prefilter---> conditions on indexed columns, for SQL
//! ```

mod evaluate;
mod parse;
mod prefilter;
mod range;
mod scalar;

use serde::Serialize;

use crate::values::sorted::unique;

pub use evaluate::{Candidate, Evaluator, SortValues};
pub use parse::parse;
pub use prefilter::{Column, ColumnCondition, Prefilter};
pub use range::{Bound, Limit, Range};
pub use scalar::{Mapping, Scalar};

/// There are no scores: a document matches or doesn't.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// `match_all`.
    All,
    /// The field has one of these values: `term`, `terms`, `match`, `ids`.
    AnyOf(Field, Terms),
    /// The field has a value in the range: `range`.
    Range(Field, Range),
    /// `bool` and `dis_max`.
    Bool(Bool),
}

/// Values to compare with. Sorted rather than hashed, so that a caller can't choose values that make
/// lookups slow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms(Vec<String>);

impl Terms {
    pub fn contains(&self, value: &str) -> bool {
        self.0.binary_search_by(|other| other.as_str().cmp(value)).is_ok()
    }

    /// The values, sorted.
    pub fn iter(&self) -> std::slice::Iter<'_, String> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for Terms {
    fn from_iter<I: IntoIterator<Item = String>>(values: I) -> Self {
        Self(unique(values.into_iter().collect()))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bool {
    /// `must` and `filter`.
    pub must: Vec<Query>,
    pub must_not: Vec<Query>,
    pub should: Vec<Query>,
    pub minimum_should_match: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Names separated by dots; `_id` is the document's id.
    pub path: String,
    pub mapping: Mapping,
}

/// The path of the document's id.
pub const ID: &str = "_id";

impl Query {
    pub fn all_of(queries: impl IntoIterator<Item = Self>) -> Self {
        Self::Bool(Bool { must: queries.into_iter().collect(), ..Bool::default() })
    }

    pub fn keyword<'a>(path: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let field = Field { path: path.to_owned(), mapping: Mapping::Keyword };
        Self::AnyOf(field, values.into_iter().map(str::to_owned).collect())
    }
}
