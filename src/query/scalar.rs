//! Values that can be searched for and sorted by.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::Time;

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

/// A value that is neither `null` nor made of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A number as it is written, `true` or `false`.
    Literal(Cow<'a, str>),
}

impl<'a> Scalar<'a> {
    /// `None` for `null`, arrays and objects.
    pub fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.into())),
            Value::Number(number) => Some(Self::Literal(number.as_str().into())),
            Value::Bool(true) => Some(Self::Literal("true".into())),
            Value::Bool(false) => Some(Self::Literal("false".into())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// What it says, without quotes.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Literal(text) => text,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        match self {
            Self::Text(text) => Value::from(&**text).to_string(),
            Self::Literal(literal) => literal.clone().into_owned(),
        }
    }

    /// The point in time that it is: a text, or milliseconds since 1970.
    pub(super) fn time(&self) -> Option<Time> {
        Time::parse(self.text())
    }

    /// The whole number that it is.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Literal(literal) => literal.parse().ok(),
        }
    }

    /// The one way to write what it says: values are equal if it is. `None` for a date that is none.
    pub(super) fn normal(&self, kind: Kind) -> Option<Cow<'_, str>> {
        match kind {
            Kind::Date => Some(self.time()?.to_string().into()),
            Kind::Keyword | Kind::Text => Some(self.text().into()),
        }
    }

    /// The same, of no other's text.
    pub(super) fn into_owned(self) -> Scalar<'static> {
        match self {
            Self::Text(text) => Scalar::Text(text.into_owned().into()),
            Self::Literal(literal) => Scalar::Literal(literal.into_owned().into()),
        }
    }
}

/// The words of a text.
pub(super) fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
