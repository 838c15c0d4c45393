//! Schemas of request bodies as const data, and the strict reader that applies them.
//!
//! The top of a body is strict: a field that is not declared is an error. Objects inside it are
//! lenient: what is not declared there is dropped. Every error names the line and column at which
//! the reader stopped, as Elasticsearch does. Where Elasticsearch takes one thing for another - a
//! string for a number, a bare value for a list of one - the document gets the proper one.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::{ApiError, Cause, did_you_mean};
use crate::connector::Fields;
use crate::values::{Time, cron};

/// No value is nested deeper than this. The document it goes into is a little deeper still, and
/// must remain readable: the parser stops at 128.
const DEPTH_LIMIT: usize = 100;

/// An object: the body of a request, or something in it.
#[derive(Clone, Copy, Debug)]
pub struct ObjectSchema {
    /// The name by which error messages call it.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// The type of its value.
    pub field_type: FieldType,
    /// What a `null` does.
    pub null: NullPolicy,
    /// Whether it may be absent.
    pub presence: Presence,
}

/// What a `null` in place of a value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullPolicy {
    /// It is an error.
    Reject,
    /// It is as if the field were absent.
    Ignore,
    /// It is kept as a value.
    Keep,
}

/// Whether a field may be absent.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    /// It may be absent.
    Optional,
    /// Its absence is an error.
    Required,
    /// Its value if it is absent.
    Default(&'static Value),
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub enum FieldType {
    /// A string.
    String,
    /// `true` or `false`, or either as a string.
    Boolean,
    /// A whole number of 32 bits, or one as a string.
    Int,
    /// A whole number of 64 bits, or one as a string.
    Long,
    /// A point in time, as a string: [`Time::parse`].
    Date,
    /// A schedule, as a string: [`cron::check`].
    Cron,
    /// One of a fixed set of strings.
    Enum(&'static EnumValues),
    /// An object; fields that its schema does not declare are dropped.
    Object(&'static ObjectSchema),
    /// An object; fields that its schema does not declare are kept as they are.
    OpenObject(&'static ObjectSchema),
    /// An array with elements of one type; a bare value is an array of one.
    Array(&'static FieldType),
    /// An object with any keys and values of one type.
    Map(&'static FieldType),
    /// Any value of these JSON types, kept as it is.
    Any(&'static [JsonType]),
}

/// The values of an enum. Documents hold them as they are spelled here.
#[derive(Debug)]
pub struct EnumValues {
    /// Every value.
    pub all: &'static [&'static str],
    /// Whether case counts.
    pub case_sensitive: bool,
    /// The reason for refusing any other value: the text before it, and after.
    pub unknown: [&'static str; 2],
}

/// A JSON type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// `"..."`
    String,
    /// `1`
    Number,
    /// `true`, `false`
    Boolean,
    /// `null`
    Null,
    /// `[...]`
    Array,
    /// `{...}`
    Object,
}

impl JsonType {
    /// The type of a value.
    fn of(raw: Raw<'_>) -> Self {
        match raw.bytes().next() {
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            Some(b'"') => Self::String,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'n') => Self::Null,
            _ => Self::Number,
        }
    }

    /// What Elasticsearch calls the token that such a value starts with.
    const fn token(self) -> &'static str {
        match self {
            Self::Object => "START_OBJECT",
            Self::Array => "START_ARRAY",
            Self::String => "VALUE_STRING",
            Self::Boolean => "VALUE_BOOLEAN",
            Self::Null => "VALUE_NULL",
            Self::Number => "VALUE_NUMBER",
        }
    }
}

/// An optional field that refuses `null`.
pub const fn field(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type, null: NullPolicy::Reject, presence: Presence::Optional }
}

impl Field {
    /// Makes it required.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    /// Its value if it is absent.
    #[must_use]
    pub const fn default(mut self, value: &'static Value) -> Self {
        self.presence = Presence::Default(value);
        self
    }

    /// What `null` does.
    #[must_use]
    pub const fn null(mut self, null: NullPolicy) -> Self {
        self.null = null;
        self
    }
}

impl ObjectSchema {
    /// Reads the JSON text of a body: known fields only, each of its type.
    ///
    /// # Errors
    /// 400, saying what is wrong and where.
    pub fn read(&self, text: &str) -> Result<Fields, ApiError> {
        self.read_with(text, UnknownFields::Reject)
    }

    /// Reads the JSON text of a document: known fields each of its type, others as they are.
    ///
    /// # Errors
    /// 400, saying what is wrong and where.
    pub fn read_document(&self, text: &str) -> Result<Fields, ApiError> {
        self.read_with(text, UnknownFields::Keep)
    }

    fn read_with(&self, text: &str, unknown: UnknownFields) -> Result<Fields, ApiError> {
        let reader = Reader { text };
        reader.check_syntax()?;
        Ok(reader.object(self, text.trim_ascii_start(), unknown)?)
    }
}

/// Reads the JSON text of a body that is no object of declared fields.
///
/// # Errors
/// 400, saying what is wrong and where.
pub fn read_json(text: &str) -> Result<Value, ApiError> {
    Reader { text }.check_syntax()?;
    let mut reader = serde_json::Deserializer::from_str(text);
    Value::deserialize(&mut reader).map_err(|error| syntax_failure(&error))
}

/// What is done with a field that is not declared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownFields {
    Reject,
    Ignore,
    Keep,
}

/// The text of a body, to say where in it a piece lies.
struct Reader<'a> {
    text: &'a str,
}

/// A piece of the text that starts with a JSON value.
type Raw<'a> = &'a str;

impl<'a> Reader<'a> {
    /// One pass over all of the text: JSON, no key twice in one object, no deeper than the parser
    /// goes. What follows the first value is not looked at.
    fn check_syntax(&self) -> Result<(), ApiError> {
        let mut json = serde_json::Deserializer::from_str(self.text);
        Strict { depth: 0 }.deserialize(&mut json).map_err(|error| syntax_failure(&error))
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
        let position = self.position(at);
        Cause::new("x_content_parse_exception", format!("{position} [{object}] {problem}"))
    }

    fn object(
        &self,
        object: &ObjectSchema,
        raw: Raw<'a>,
        unknown: UnknownFields,
    ) -> Result<Fields, Cause> {
        let name = object.name;
        let Some(members) = members(raw) else {
            let problem = format!("Expected START_OBJECT but was: {}", JsonType::of(raw).token());
            return Err(self.failure(raw, name, &problem));
        };
        let mut fields = Fields::new();
        for (key, value) in members {
            let key_text = string(key);
            match object.fields.iter().find(|field| field.name == key_text) {
                Some(field) => {
                    if let Some(value) = self.field(name, field, value)? {
                        fields.insert(field.name.to_owned(), value);
                    }
                }
                None if unknown == UnknownFields::Ignore => {}
                None if unknown == UnknownFields::Keep => {
                    fields.insert(key_text.into_owned(), json(value));
                }
                None => {
                    let names = object.fields.iter().map(|field| field.name);
                    let hint = did_you_mean(&key_text, names);
                    let problem = format!("unknown field [{key_text}]{hint}");
                    return Err(self.failure(key, name, &problem));
                }
            }
        }
        let mut missing = Vec::new();
        for field in object.fields {
            match field.presence {
                _ if fields.contains_key(field.name) => {}
                Presence::Optional => {}
                Presence::Required => missing.push(field.name),
                Presence::Default(value) => {
                    drop(fields.insert(field.name.to_owned(), value.clone()))
                }
            }
        }
        match missing.is_empty() {
            true => Ok(fields),
            false => Err(Cause::illegal_argument(format!("Required [{}]", missing.join(", ")))),
        }
    }

    fn field(&self, object: &str, field: &Field, raw: Raw<'a>) -> Result<Option<Value>, Cause> {
        match (JsonType::of(raw), field.null) {
            (JsonType::Null, NullPolicy::Keep) => Ok(Some(Value::Null)),
            (JsonType::Null, NullPolicy::Ignore) => Ok(None),
            _ => self.value_of(object, field.name, field.field_type, raw).map(Some),
        }
    }

    fn value_of(
        &self,
        object: &str,
        name: &str,
        field_type: FieldType,
        raw: Raw<'a>,
    ) -> Result<Value, Cause> {
        self.value(name, field_type, raw).map_err(|mismatch| match mismatch {
            Mismatch::Type(raw) => {
                let kind = JsonType::of(raw).token();
                let problem = format!("{name} doesn't support values of type: {kind}");
                self.failure(raw, object, &problem)
            }
            Mismatch::Inside(cause) => {
                let problem = format!("failed to parse field [{name}]");
                self.failure(raw, object, &problem).caused_by(cause)
            }
        })
    }

    /// The value of the field `name`, as documents hold it.
    fn value(
        &self,
        name: &str,
        field_type: FieldType,
        raw: Raw<'a>,
    ) -> Result<Value, Mismatch<'a>> {
        Ok(match field_type {
            FieldType::String => text(raw)?.into(),
            FieldType::Boolean => boolean(raw)?.into(),
            FieldType::Int => match integer(raw)? {
                whole if i32::try_from(whole).is_ok() => whole.into(),
                other => {
                    let reason = format!("Value [{other}] is out of range for an integer");
                    return Err(illegal(reason));
                }
            },
            FieldType::Long => integer(raw)?.into(),
            FieldType::Date => {
                let given = text(raw)?;
                let time = Time::parse(&given).ok_or_else(|| illegal(Time::unreadable(&given)))?;
                time.to_string().into()
            }
            FieldType::Cron => {
                let given = text(raw)?;
                cron::check(&given).map_err(illegal)?;
                given.into()
            }
            FieldType::Enum(values) => {
                let given = text(raw)?;
                let is_it = |word: &&&str| match values.case_sensitive {
                    true => **word == given,
                    false => word.eq_ignore_ascii_case(&given),
                };
                let [before, after] = values.unknown;
                let word = values.all.iter().find(is_it);
                (*word.ok_or_else(|| illegal(format!("{before}{given}{after}")))?).into()
            }
            FieldType::Object(_) | FieldType::OpenObject(_)
                if JsonType::of(raw) != JsonType::Object =>
            {
                return Err(Mismatch::Type(raw));
            }
            FieldType::Object(schema) => {
                self.object(schema, raw, UnknownFields::Ignore).map_err(Mismatch::Inside)?.into()
            }
            FieldType::OpenObject(schema) => {
                self.object(schema, raw, UnknownFields::Keep).map_err(Mismatch::Inside)?.into()
            }
            FieldType::Array(element) => {
                let elements: Vec<Raw<'a>> = match JsonType::of(raw) {
                    JsonType::Array => {
                        let pieces: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
                        pieces.into_iter().map(RawValue::get).collect()
                    }
                    _ => vec![raw],
                };
                let mut list = Vec::new();
                for item in elements {
                    list.push(self.value(name, *element, item)?);
                }
                list.into()
            }
            FieldType::Map(value_type) => {
                let mut map = Fields::new();
                for (key, value) in members(raw).ok_or(Mismatch::Type(raw))? {
                    let key = string(key).into_owned();
                    let value =
                        self.value_of(name, &key, *value_type, value).map_err(Mismatch::Inside)?;
                    map.insert(key, value);
                }
                map.into()
            }
            FieldType::Any(kinds) if !kinds.contains(&JsonType::of(raw)) => {
                return Err(Mismatch::Type(raw));
            }
            FieldType::Any(_) => json(raw),
        })
    }
}

/// Why a value does not have the shape it should have.
enum Mismatch<'a> {
    /// This is of another JSON type.
    Type(Raw<'a>),
    /// It is of the right type, and something in it is wrong.
    Inside(Cause),
}

/// A value as it is; its syntax was checked with all of the text.
fn json(raw: Raw<'_>) -> Value {
    serde_json::from_str(raw).unwrap_or_default()
}

fn illegal<'a>(reason: String) -> Mismatch<'a> {
    Mismatch::Inside(Cause::illegal_argument(reason))
}

fn text(raw: Raw<'_>) -> Result<Cow<'_, str>, Mismatch<'_>> {
    if JsonType::of(raw) == JsonType::String { Ok(string(raw)) } else { Err(Mismatch::Type(raw)) }
}

fn boolean(raw: Raw<'_>) -> Result<bool, Mismatch<'_>> {
    match raw {
        "true" | "\"true\"" => Ok(true),
        "false" | "\"false\"" => Ok(false),
        _ => {
            let given = text(raw)?;
            Err(illegal(format!(
                "Failed to parse value [{given}] as only [true] or [false] are allowed."
            )))
        }
    }
}

/// A whole number, be it written as `2`, `2.0` or `"2"`.
fn integer(raw: Raw<'_>) -> Result<i64, Mismatch<'_>> {
    let given = match JsonType::of(raw) {
        JsonType::Number => Cow::Borrowed(raw),
        _ => text(raw)?,
    };
    if let Ok(whole) = given.parse() {
        return Ok(whole);
    }
    match given.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            whole.parse().ok()
        }
        _ => None,
    }
    .ok_or_else(|| illegal(format!("[{given}] is not a whole number, or out of range")))
}

fn string<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
        _ => serde_json::from_str::<Text<'a>>(raw).map(|text| text.0).unwrap_or_default(),
    }
}

fn syntax_failure(error: &serde_json::Error) -> ApiError {
    let full = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = full.strip_suffix(&place).unwrap_or(&full);
    let kind = if error.is_eof() { "json_e_o_f_exception" } else { "json_parse_exception" };
    let reason = format!("[{}:{}] {message}", error.line().max(1), error.column().max(1));
    Cause::new("x_content_parse_exception", reason)
        .caused_by(Cause::new(kind, message.to_owned()))
        .into()
}

/// The members of a JSON object, in order, as pieces of the text; `None` if it is no object.
fn members(raw: Raw<'_>) -> Option<Vec<(Raw<'_>, Raw<'_>)>> {
    let mut json = serde_json::Deserializer::from_str(raw);
    Members::deserialize(&mut json).ok().map(|Members(members)| members)
}

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
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    members.push((key.get(), value.get()));
                }
                Ok(Members(members))
            }
        }
        json.deserialize_map(Collect)
    }
}

/// A JSON value without a key that stands twice in one object, and not nested too deeply.
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(&self) -> Result<Self, E> {
        match self.depth {
            DEPTH_LIMIT => Err(E::custom(format_args!("Depth exceeds the limit [{DEPTH_LIMIT}]"))),
            depth => Ok(Self { depth: depth + 1 }),
        }
    }
}

impl<'a> DeserializeSeed<'a> for &Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for &Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while list.next_element_seed(&inside)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<Cow<'a, str>>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("Duplicate field '{key}'")));
            }
            map.next_value_seed(&inside)?;
            seen.insert(key);
        }
        Ok(())
    }
}
