//! Values that can be compared and sorted.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::Time;

/// How a field's values are compared, as in Elasticsearch's mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// As a whole.
    Keyword,
    /// Word by word, in lower case.
    Text,
    Date,
}

/// A JSON value other than `null`, an array or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    Text(Cow<'a, str>),
    /// `true`, `false`, or a number as written.
    Literal(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    pub fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.into())),
            Value::Number(number) => Some(Self::Literal(number.as_str().into())),
            Value::Bool(true) => Some(Self::Literal("true".into())),
            Value::Bool(false) => Some(Self::Literal("false".into())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// The text without quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Literal(text) => text,
        }
    }

    pub fn to_json(&self) -> String {
        match self {
            Self::Text(text) => Value::from(&**text).to_string(),
            Self::Literal(literal) => literal.clone().into_owned(),
        }
    }

    pub(super) fn time(&self) -> Option<Time> {
        Time::parse(self.text())
    }

    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Literal(literal) => literal.parse().ok(),
        }
    }

    /// The normalized text: equal values have equal texts. `None` for an invalid date.
    pub(super) fn normalized(&self, mapping: Mapping) -> Option<Cow<'_, str>> {
        match mapping {
            Mapping::Date => Some(self.time()?.to_string().into()),
            Mapping::Keyword | Mapping::Text => Some(self.text().into()),
        }
    }

    pub(super) fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Text(text) => Scalar::Text(text.into_owned().into()),
            Self::Literal(literal) => Scalar::Literal(literal.into_owned().into()),
        }
    }
}

pub(super) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
