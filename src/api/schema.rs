//! Schemas of request bodies as const data, and the parser that applies them.
//!
//! At the top level of a body, unknown fields are errors; in nested objects they are dropped. Like
//! Elasticsearch's, errors name the line and column where parsing stopped. Like Elasticsearch, the parser
//! accepts a string for a number and a bare value for a list of one; documents hold the declared type.

use std::borrow::Cow;

use serde_json::Value;

use super::error::{ApiError, Cause, did_you_mean};
use crate::connector::Fields;
use crate::limits::BODY_DEPTH;
pub use crate::values::json::JsonType;
use crate::values::json::{self, Keys, Reader, SyntaxError};
use crate::values::{Time, cron};

/// An object: a request body or a value in it.
#[derive(Clone, Copy, Debug)]
pub struct ObjectSchema {
    /// The name in error messages.
    pub name: &'static str,
    pub fields: &'static [Field],
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub field_type: FieldType,
    pub null: NullPolicy,
    pub presence: Presence,
}

/// How `null` is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NullPolicy {
    /// `null` is an error.
    Reject,
    /// `null` means that the field is absent.
    Ignore,
    /// `null` is a value.
    Keep,
}

/// Whether a field may be absent.
#[derive(Clone, Copy, Debug)]
pub enum Presence {
    Optional,
    Required,
    /// May be absent; this is the value then.
    Default(&'static Value),
}

/// The type of a value.
#[derive(Clone, Copy, Debug)]
pub enum FieldType {
    String,
    /// `true` or `false`, or either as a string.
    Boolean,
    /// A 32-bit integer, as a number or a string. Fractions are truncated.
    Int,
    /// A 64-bit integer, as a number or a string. Fractions are truncated.
    Long,
    /// A point in time, as a string: [`Time::parse`].
    Date,
    /// A schedule, as a string: [`cron::check`].
    Cron,
    /// One of a fixed set of strings.
    Enum(&'static EnumValues),
    /// An object. Fields that its schema doesn't declare are dropped.
    Object(&'static ObjectSchema),
    /// An object. Fields that its schema doesn't declare are kept unchanged.
    OpenObject(&'static ObjectSchema),
    /// An array with elements of one type. A bare value is an array of one.
    Array(&'static FieldType),
    /// An object with any keys and values of one type.
    Map(&'static FieldType),
    /// Any value of these JSON types, kept unchanged.
    Any(&'static [JsonType]),
}

/// The values of an enum. Documents hold them in this spelling.
#[derive(Debug)]
pub struct EnumValues {
    pub all: &'static [&'static str],
    pub case_sensitive: bool,
    /// The error reason for any other value: the text before the value and after it.
    pub unknown: [&'static str; 2],
}

/// Elasticsearch's name for the first token of a value of this type.
const fn token(json_type: JsonType) -> &'static str {
    match json_type {
        JsonType::Object => "START_OBJECT",
        JsonType::Array => "START_ARRAY",
        JsonType::String => "VALUE_STRING",
        JsonType::Boolean => "VALUE_BOOLEAN",
        JsonType::Null => "VALUE_NULL",
        JsonType::Number => "VALUE_NUMBER",
    }
}

/// An optional field that rejects `null`.
pub const fn field(name: &'static str, field_type: FieldType) -> Field {
    Field { name, field_type, null: NullPolicy::Reject, presence: Presence::Optional }
}

impl Field {
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.presence = Presence::Required;
        self
    }

    #[must_use]
    pub const fn default(mut self, value: &'static Value) -> Self {
        self.presence = Presence::Default(value);
        self
    }

    #[must_use]
    pub const fn null(mut self, null: NullPolicy) -> Self {
        self.null = null;
        self
    }
}

impl ObjectSchema {
    /// Parses a request body. Unknown fields are errors. Like Elasticsearch, ignores anything after the first
    /// JSON value.
    pub fn read(&self, text: &str) -> Result<Fields, ApiError> {
        let mut body = Body::of(text);
        body.object(self, UnknownFields::Reject).map_err(|problem| body.error(problem, self.name))
    }

    /// Parses a document. Unknown fields are kept unchanged.
    pub fn read_document(&self, text: &str) -> Result<Fields, ApiError> {
        let mut body = Body::of(text);
        body.object(self, UnknownFields::Keep).map_err(|problem| body.error(problem, self.name))
    }
}

/// Parses a request body that has no schema.
pub fn read_json(text: &str) -> Result<Value, ApiError> {
    let mut body = Body::of(text);
    body.json.value().map_err(|error| body.syntax_error(&error).into())
}

/// How fields that the schema doesn't declare are treated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownFields {
    Reject,
    Ignore,
    Keep,
}

struct Body<'a> {
    text: &'a str,
    json: Reader<'a>,
}

/// Why a value is rejected.
enum Problem {
    /// It is not JSON.
    Syntax(SyntaxError),
    /// The value at this byte has the wrong type, which is given.
    Type(usize, JsonType),
    /// It has the right type, but something in it is wrong.
    Value(Cause),
}

impl From<SyntaxError> for Problem {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl<'a> Body<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, json: Reader::new(text, BODY_DEPTH).unique_keys() }
    }

    /// The error for a problem in the top-level object.
    fn error(&self, problem: Problem, object: &str) -> ApiError {
        match problem {
            Problem::Syntax(error) => self.syntax_error(&error),
            Problem::Value(cause) => cause,
            Problem::Type(at, found) => {
                let problem = format!("Expected START_OBJECT but was: {}", token(found));
                self.failure(at, object, &problem)
            }
        }
        .into()
    }

    fn failure(&self, at: usize, object: &str, problem: &str) -> Cause {
        let (line, column) = json::line_and_column(self.text, at);
        let reason = format!("[{line}:{column}] [{object}] {problem}");
        Cause::new("x_content_parse_exception", reason)
    }

    fn syntax_error(&self, error: &SyntaxError) -> Cause {
        let (line, column) = json::line_and_column(self.text, error.at);
        let kind = if error.is_end { "json_e_o_f_exception" } else { "json_parse_exception" };
        let reason = format!("[{line}:{column}] {}", error.message);
        Cause::new("x_content_parse_exception", reason)
            .caused_by(Cause::new(kind, error.message.clone()))
    }

    fn object(&mut self, object: &ObjectSchema, unknown: UnknownFields) -> Result<Fields, Problem> {
        self.expect(JsonType::Object)?;
        self.json.enter()?;
        let mut fields = Fields::new();
        let (mut keys, mut is_first) = (Keys::default(), true);
        while self.json.has_more(b'}', &mut is_first)? {
            let key = self.json.key()?;
            match object.fields.iter().find(|field| field.name == key.name) {
                Some(field) => {
                    self.json.check_unique(&mut keys, key)?;
                    if let Some(value) = self.field(object.name, field)? {
                        fields.insert(field.name.to_owned(), value);
                    }
                }
                None if unknown == UnknownFields::Ignore => {
                    self.json.check_unique(&mut keys, key)?;
                    self.json.skip()?;
                }
                None if unknown == UnknownFields::Keep => {
                    let name = key.name.clone().into_owned();
                    self.json.check_unique(&mut keys, key)?;
                    fields.insert(name, self.json.value()?);
                }
                None => {
                    let names = object.fields.iter().map(|field| field.name);
                    let hint = did_you_mean(&key.name, names);
                    let problem = format!("unknown field [{}]{hint}", key.name);
                    return Err(Problem::Value(self.failure(key.at, object.name, &problem)));
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
        if missing.is_empty() {
            Ok(fields)
        } else {
            Err(illegal(format!("Required [{}]", missing.join(", "))))
        }
    }

    fn field(&mut self, object: &str, field: &Field) -> Result<Option<Value>, Problem> {
        let (_, found) = self.json.peek()?;
        match (found, field.null) {
            (JsonType::Null, NullPolicy::Keep) => Ok(Some(self.json.value()?)),
            (JsonType::Null, NullPolicy::Ignore) => {
                self.json.skip()?;
                Ok(None)
            }
            _ => self.value_of(object, field.name, field.field_type).map(Some),
        }
    }

    /// Parses the value of the field `name` of `object`.
    fn value_of(
        &mut self,
        object: &str,
        name: &str,
        field_type: FieldType,
    ) -> Result<Value, Problem> {
        let (at, _) = self.json.peek()?;
        self.value(name, field_type).map_err(|problem| match problem {
            Problem::Syntax(_) => problem,
            Problem::Type(at, found) => {
                let problem = format!("{name} doesn't support values of type: {}", token(found));
                Problem::Value(self.failure(at, object, &problem))
            }
            Problem::Value(cause) => {
                let problem = format!("failed to parse field [{name}]");
                Problem::Value(self.failure(at, object, &problem).caused_by(cause))
            }
        })
    }

    /// Parses the value of the field `name` into the form that documents hold.
    fn value(&mut self, name: &str, field_type: FieldType) -> Result<Value, Problem> {
        let (at, found) = self.json.peek()?;
        Ok(match field_type {
            FieldType::String => self.string()?.into(),
            FieldType::Boolean => self.boolean()?.into(),
            FieldType::Int => self.integer("an integer", i32::MIN.into(), i32::MAX.into())?.into(),
            FieldType::Long => self.integer("a long", i64::MIN, i64::MAX)?.into(),
            FieldType::Date => {
                let given = self.string()?;
                let time = Time::parse(&given).ok_or_else(|| illegal(Time::parse_error(&given)))?;
                time.to_string().into()
            }
            FieldType::Cron => {
                let given = self.string()?;
                cron::check(&given).map_err(illegal)?;
                given.into()
            }
            FieldType::Enum(values) => {
                let given = self.string()?;
                let matches = |value: &&&str| {
                    if values.case_sensitive {
                        **value == given
                    } else {
                        value.eq_ignore_ascii_case(&given)
                    }
                };
                let [before, after] = values.unknown;
                let value = values.all.iter().find(matches);
                (*value.ok_or_else(|| illegal(format!("{before}{given}{after}")))?).into()
            }
            FieldType::Object(schema) => self.object(schema, UnknownFields::Ignore)?.into(),
            FieldType::OpenObject(schema) => self.object(schema, UnknownFields::Keep)?.into(),
            FieldType::Array(element) if found == JsonType::Array => {
                let (mut items, mut is_first) = (Vec::new(), true);
                self.json.enter()?;
                while self.json.has_more(b']', &mut is_first)? {
                    items.push(self.value(name, *element)?);
                }
                items.into()
            }
            FieldType::Array(element) => vec![self.value(name, *element)?].into(),
            FieldType::Map(value_type) => {
                self.expect(JsonType::Object)?;
                self.json.enter()?;
                let mut map = Fields::new();
                let (mut keys, mut is_first) = (Keys::default(), true);
                while self.json.has_more(b'}', &mut is_first)? {
                    let key = self.json.key()?;
                    let key_name = key.name.clone().into_owned();
                    self.json.check_unique(&mut keys, key)?;
                    let value = self.value_of(name, &key_name, *value_type)?;
                    map.insert(key_name, value);
                }
                map.into()
            }
            FieldType::Any(types) if !types.contains(&found) => {
                return Err(Problem::Type(at, found));
            }
            FieldType::Any(_) => self.json.value()?,
        })
    }

    fn expect(&mut self, wanted: JsonType) -> Result<(), Problem> {
        match self.json.peek()? {
            (_, found) if found == wanted => Ok(()),
            (at, found) => Err(Problem::Type(at, found)),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        self.expect(JsonType::String)?;
        Ok(self.json.string()?)
    }

    fn boolean(&mut self) -> Result<bool, Problem> {
        let given = match self.json.peek()? {
            (_, JsonType::Boolean) => Cow::Borrowed(self.json.literal()?),
            _ => self.string()?,
        };
        match given.as_ref() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(illegal(format!(
                "Failed to parse value [{given}] as only [true] or [false] are allowed."
            ))),
        }
    }

    /// An integer. Fractions are truncated, as upstream.
    fn integer(&mut self, kind: &str, least: i64, most: i64) -> Result<i64, Problem> {
        let given = match self.json.peek()? {
            (_, JsonType::Number) => Cow::Borrowed(self.json.literal()?),
            _ => self.string()?,
        };
        match parse_integer(&given) {
            Integer::Value(value) if (least..=most).contains(&value) => Ok(value),
            Integer::Value(_) | Integer::Overflow => {
                Err(illegal(format!("Value [{given}] is out of range for {kind}")))
            }
            Integer::NotANumber => Err(illegal(format!("For input string: \"{given}\""))),
        }
    }
}

fn illegal(reason: String) -> Problem {
    Problem::Value(Cause::illegal_argument(reason))
}

/// The result of parsing an integer.
enum Integer {
    Value(i64),
    Overflow,
    NotANumber,
}

/// Truncates a decimal number to an integer: `-1.9e1` is -19. Going through a float would lose precision.
fn parse_integer(number: &str) -> Integer {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (is_negative, mantissa) = sign(mantissa);
    let (is_small, exponent) = sign(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = (whole.is_empty() && fraction.is_empty()) || exponent.is_empty();
    if is_empty || ![whole, fraction, exponent].into_iter().all(is_number) {
        return Integer::NotANumber;
    }
    // The mantissa is far shorter than 2^32 digits, so a greater exponent is as good as infinite.
    let exponent = exponent.parse().map_or(i64::MAX / 2, |exponent: u32| exponent.into());
    let shift = if is_small { -exponent } else { exponent };
    // The number of digits before the decimal point once the exponent is applied.
    let count = usize::try_from(shift.saturating_add_unsigned(whole.len() as u64));
    let mut magnitude = 0_u64;
    let mut digits = whole.bytes().chain(fraction.bytes());
    for _ in 0..count.unwrap_or(if is_small { 0 } else { usize::MAX }) {
        let digit = match digits.next() {
            Some(digit) => u64::from(digit - b'0'),
            None if magnitude == 0 => break,
            None => 0,
        };
        let next = magnitude.checked_mul(10).and_then(|tens| tens.checked_add(digit));
        let Some(next) = next else { return Integer::Overflow };
        magnitude = next;
    }
    let value = if is_negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        0_i64.checked_add_unsigned(magnitude)
    };
    value.map_or(Integer::Overflow, Integer::Value)
}

/// Splits off the sign: whether the number is negative, and its digits.
fn sign(number: &str) -> (bool, &str) {
    match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number.strip_prefix('+').unwrap_or(number)),
    }
}
