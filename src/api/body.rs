//! What a request body may hold, said as data, and the strict reading of it.
//!
//! The top of a body is strict: a field that is not declared is an error. Objects inside it are
//! lenient: what is not declared there is dropped. Every error names the line and column at which
//! the reader stopped, as Elasticsearch does.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::{Cause, Failure, did_you_mean};
use crate::connector::Fields;

/// The body of one kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The name by which error messages call it.
    pub name: &'static str,
    /// The fields at its top.
    pub fields: &'static [Field],
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub shape: Shape,
    /// What a `null` does.
    pub null: Null,
    /// Must it be there?
    pub need: Need,
}

/// What a `null` in place of a value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// It is an error.
    Refused,
    /// It is as if the field were absent.
    Dropped,
    /// It is kept as a value.
    Kept,
}

/// Must a field be there?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It may be absent.
    Optional,
    /// Its absence is an error.
    Required,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A string.
    Text,
    /// `true` or `false`, or either as a string.
    Boolean,
    /// One of some words, in upper or lower case.
    Word(&'static Words),
}

/// A fixed set of words.
#[derive(Debug)]
pub struct Words {
    /// Every word.
    pub all: fn() -> Vec<&'static str>,
    /// What to answer to another word.
    pub unknown: fn(&str) -> String,
}

/// An optional field that refuses `null`.
pub const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, null: Null::Refused, need: Need::Optional }
}

impl Field {
    /// It must be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.need = Need::Required;
        self
    }

    /// What `null` does.
    #[must_use]
    pub const fn null(mut self, null: Null) -> Self {
        self.null = null;
        self
    }
}

impl Body {
    /// Reads the JSON text of a body: known fields only, each of its shape.
    ///
    /// # Errors
    /// 400, saying what is wrong and where.
    pub fn read(&self, text: &str) -> Result<Fields, Failure> {
        let reader = Reader { text };
        reader.check_syntax()?;
        let fields = reader.object(self.name, root(text)?, self.fields, Unknown::Refused)?;
        Ok(fields)
    }
}

/// What is done with a field that is not declared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refused,
    Dropped,
}

/// The text of a body, to say where in it a piece lies.
struct Reader<'a> {
    text: &'a str,
}

type Raw<'a> = &'a RawValue;

impl<'a> Reader<'a> {
    /// One pass over all of the text: JSON, no key twice in one object, no deeper than the parser
    /// goes. What follows the first value is not looked at.
    fn check_syntax(&self) -> Result<(), Failure> {
        let mut json = serde_json::Deserializer::from_str(self.text);
        Strict::deserialize(&mut json).map(|_| ()).map_err(|error| syntax_failure(&error))
    }

    /// `[line:column]` of a piece of the text, both from 1.
    fn position(&self, piece: &str) -> String {
        let offset = (piece.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("[{line}:{column}]")
    }

    fn failure(&self, at: Raw<'a>, object: &str, problem: &str) -> Cause {
        let position = self.position(at.get());
        Cause::new("x_content_parse_exception", format!("{position} [{object}] {problem}"))
    }

    fn object(
        &self,
        name: &str,
        raw: Raw<'a>,
        declared: &[Field],
        unknown: Unknown,
    ) -> Result<Fields, Cause> {
        let Ok(Members(members)) = serde_json::from_str::<Members<'a>>(raw.get()) else {
            let problem = format!("Expected START_OBJECT but was: {}", token(raw));
            return Err(self.failure(raw, name, &problem));
        };
        let mut fields = Fields::new();
        for (key, value) in members {
            let key_text = string(key);
            match declared.iter().find(|field| field.name == key_text) {
                Some(field) => {
                    if let Some(value) = self.field(name, field, value)? {
                        fields.insert(field.name.to_owned(), value);
                    }
                }
                None if unknown == Unknown::Dropped => {}
                None => {
                    let names = declared.iter().map(|field| field.name);
                    let hint = did_you_mean(&key_text, names);
                    let problem = format!("unknown field [{key_text}]{hint}");
                    return Err(self.failure(key, name, &problem));
                }
            }
        }
        let missing: Vec<_> = declared
            .iter()
            .filter(|field| field.need == Need::Required && !fields.contains_key(field.name))
            .map(|field| field.name)
            .collect();
        match missing.is_empty() {
            true => Ok(fields),
            false => Err(Cause::illegal_argument(format!("Required [{}]", missing.join(", ")))),
        }
    }

    fn field(&self, object: &str, field: &Field, raw: Raw<'a>) -> Result<Option<Value>, Cause> {
        if raw.get() == "null" {
            match field.null {
                Null::Kept => return Ok(Some(Value::Null)),
                Null::Dropped => return Ok(None),
                Null::Refused => return Err(self.wrong_type(object, field, raw)),
            }
        }
        match self.value(field.shape, raw) {
            Ok(value) => Ok(Some(value)),
            Err(Mismatch::Type) => Err(self.wrong_type(object, field, raw)),
            Err(Mismatch::Inside(cause)) => {
                let problem = format!("failed to parse field [{}]", field.name);
                Err(self.failure(raw, object, &problem).caused_by(cause))
            }
        }
    }

    fn wrong_type(&self, object: &str, field: &Field, raw: Raw<'a>) -> Cause {
        let kind = token(raw);
        let problem = format!("{} doesn't support values of type: {kind}", field.name);
        self.failure(raw, object, &problem)
    }

    fn value(&self, shape: Shape, raw: Raw<'a>) -> Result<Value, Mismatch> {
        match shape {
            Shape::Text => text(raw).map(Value::from),
            Shape::Boolean => boolean(raw).map(Value::from),
            Shape::Word(words) => {
                let given = text(raw)?;
                (words.all)()
                    .into_iter()
                    .find(|word| word.eq_ignore_ascii_case(&given))
                    .map(Value::from)
                    .ok_or_else(|| illegal((words.unknown)(&given)))
            }
        }
    }
}

/// Why a value does not have the shape it should have.
enum Mismatch {
    /// It is of another JSON type.
    Type,
    /// It is of the right type, and something in it is wrong.
    Inside(Cause),
}

fn illegal(reason: String) -> Mismatch {
    Mismatch::Inside(Cause::illegal_argument(reason))
}

fn text<'a>(raw: Raw<'a>) -> Result<Cow<'a, str>, Mismatch> {
    if raw.get().starts_with('"') { Ok(string(raw)) } else { Err(Mismatch::Type) }
}

fn boolean(raw: Raw<'_>) -> Result<bool, Mismatch> {
    match raw.get() {
        "true" | "\"true\"" => Ok(true),
        "false" | "\"false\"" => Ok(false),
        other if other.starts_with('"') => {
            let given = string(raw);
            Err(illegal(format!(
                "Failed to parse value [{given}] as only [true] or [false] are allowed."
            )))
        }
        _ => Err(Mismatch::Type),
    }
}

fn string<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'a>>(raw.get()).map(|text| text.0).unwrap_or_default()
}

/// The first value of the text; there may be more behind it.
fn root(text: &str) -> Result<Raw<'_>, Failure> {
    let mut json = serde_json::Deserializer::from_str(text);
    Raw::deserialize(&mut json).map_err(|error| syntax_failure(&error))
}

/// What Elasticsearch calls the token that a value starts with.
fn token(raw: Raw<'_>) -> &'static str {
    match raw.get().bytes().next() {
        Some(b'{') => "START_OBJECT",
        Some(b'[') => "START_ARRAY",
        Some(b'"') => "VALUE_STRING",
        Some(b't' | b'f') => "VALUE_BOOLEAN",
        Some(b'n') => "VALUE_NULL",
        _ => "VALUE_NUMBER",
    }
}

fn syntax_failure(error: &serde_json::Error) -> Failure {
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&place).unwrap_or(&full);
    let kind = if error.is_eof() { "json_e_o_f_exception" } else { "json_parse_exception" };
    let reason = format!("[{}:{}] {message}", error.line().max(1), error.column().max(1));
    Cause::new("x_content_parse_exception", reason)
        .caused_by(Cause::new(kind, message.to_owned()))
        .into()
}

/// The members of a JSON object, in order, as pieces of the text.
struct Members<'a>(Vec<(Raw<'a>, Raw<'a>)>);

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(json: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'a> Visitor<'a> for Collect {
            type Value = Members<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Members<'a>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Collect)
    }
}

/// A JSON value without a key that stands twice in one object.
struct Strict;

impl<'a> Deserialize<'a> for Strict {
    fn deserialize<D: Deserializer<'a>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Strict)
    }
}

impl<'a> Visitor<'a> for Strict {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Strict>()?.is_some() {}
        Ok(self)
    }
    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = Fields::new();
        while let Some(key) = map.next_key::<Cow<'a, str>>()? {
            if seen.contains_key(key.as_ref()) {
                return Err(A::Error::custom(format_args!("Duplicate field '{key}'")));
            }
            map.next_value::<Strict>()?;
            seen.insert(key.into_owned(), Value::Null);
        }
        Ok(self)
    }
}
