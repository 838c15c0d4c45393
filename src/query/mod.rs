//! What a search asks of a document: the part of Elasticsearch's query language that connector
//! services speak, and a little more. Pure: documents and the time are handed in.
//!
//! ```text
//! JSON --parse--> Query --matches(document, now)--> yes or no
//!                   \----Prefilter---------------> what an index of some columns can say beforehand
//! ```

mod parse;
mod prefilter;
mod range;

use std::borrow::Cow;

use serde_json::Value;

pub use parse::parse;
pub use prefilter::{Column, Condition, Prefilter};
pub use range::{Bound, Limit, Range};

use crate::document::Fields;
use crate::values::Time;

/// What a search asks of a document. There are no scores: a document matches or does not.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Nothing: `match_all`.
    All,
    /// One of the field's values is one of these: `term`, `terms`, `match`, `ids`.
    AnyOf(Field, Vec<String>),
    /// One of the field's values lies between: `range`.
    Range(Field, Range),
    /// A combination of others: `bool`.
    Bool(Bool),
}

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

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As a whole.
    Keyword,
    /// Word by word, in lower case.
    Text,
    /// As points in time.
    Date,
}

/// The document of a search.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its fields, without its id.
    pub source: &'a Fields,
}

impl Query {
    /// Does the document match?
    pub fn matches(&self, candidate: Candidate<'_>, now: Time) -> bool {
        match self {
            Self::All => true,
            Self::AnyOf(field, values) => candidate.any(field, |value| field.is_any(value, values)),
            Self::Range(field, range) => {
                candidate.any(field, |value| range.covers(value, field.kind, now))
            }
            Self::Bool(Bool { must, must_not, should, least }) => {
                let matches = |query: &Self| query.matches(candidate, now);
                must.iter().all(matches)
                    && !must_not.iter().any(matches)
                    && should.iter().filter(|query| matches(query)).take(*least).count() == *least
            }
        }
    }

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

/// The path of the id.
pub const ID: &str = "_id";

impl Field {
    fn is_any(&self, value: &Value, wanted: &[String]) -> bool {
        let is_wanted = |value: &str| wanted.iter().any(|one| one == value);
        match (self.kind, value) {
            (Kind::Text, Value::String(text)) => words(text).any(|word| is_wanted(&word)),
            _ => self.normal(value).is_some_and(|value| is_wanted(&value)),
        }
    }

    /// The one way to write what this value says: values are equal if it is. `None` for what is
    /// not searched for: `null`, and objects.
    fn normal<'a>(&self, value: &'a Value) -> Option<Cow<'a, str>> {
        match (self.kind, value) {
            (Kind::Date, _) => time(value).map(|time| time.to_string().into()),
            (_, Value::String(text)) => Some(text.into()),
            (_, Value::Bool(true)) => Some("true".into()),
            (_, Value::Bool(false)) => Some("false".into()),
            (_, Value::Number(number)) => Some(number.to_string().into()),
            (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
        }
    }

    /// The document's value for a sort: its first.
    pub fn first(&self, candidate: Candidate<'_>) -> Option<Value> {
        let mut first = None;
        candidate.any(self, |value| {
            first = Some(value.clone());
            true
        });
        first
    }
}

impl Candidate<'_> {
    /// Is there a value of the field that fits?
    fn any(self, field: &Field, mut fits: impl FnMut(&Value) -> bool) -> bool {
        if field.path == ID {
            return fits(&self.id.into());
        }
        let (name, rest) = split(&field.path);
        self.source.get(name).is_some_and(|value| any_below(value, rest, &mut fits))
    }
}

/// An array is each of its elements; `null` and objects are no values.
fn any_below(value: &Value, path: &str, fits: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| any_below(element, path, fits)),
        Value::Null => false,
        Value::Object(_) if path.is_empty() => false,
        _ if path.is_empty() => fits(value),
        Value::Object(fields) => {
            let (name, rest) = split(path);
            fields.get(name).is_some_and(|value| any_below(value, rest, fits))
        }
        _ => false,
    }
}

fn split(path: &str) -> (&str, &str) {
    path.split_once('.').unwrap_or((path, ""))
}

/// A point in time: a text, or milliseconds since 1970.
fn time(value: &Value) -> Option<Time> {
    match value {
        Value::String(text) => Time::parse(text),
        Value::Number(number) => Time::parse(&number.to_string()),
        _ => None,
    }
}

/// The words of a text, in the lower case of ASCII.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}
