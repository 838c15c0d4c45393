//! A streaming JSON reader: it stops at the first error, as Elasticsearch's does.
//!
//! serde_json's parser isn't used for two reasons. Numbers must keep their digits, and the way
//! serde_json keeps them, an object with a reserved key, could be forged by a caller's JSON. And every
//! error in a request, of whichever kind, must name its line and column.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::budget::count_work;
use crate::limits::DOCUMENT_DEPTH;

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte at which the reader stopped.
    pub at: usize,
    pub message: String,
    /// Whether the text is truncated.
    pub is_end: bool,
}

#[derive(Clone, Debug)]
pub struct Key<'a> {
    /// The byte at which it starts.
    pub at: usize,
    /// As written, with its quotes.
    pub raw: &'a str,
    pub name: Cow<'a, str>,
}

#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    depth_limit: usize,
    unique_keys: bool,
}

/// Parses a whole text as one value. If an object has a key twice, the last value wins. Errors name
/// the line and column.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader::new(text, DOCUMENT_DEPTH);
    let read = reader.value().and_then(|value| match reader.next() {
        None => Ok(value),
        Some(_) => reader.fail("Expected nothing after the value"),
    });
    read.map_err(|error| {
        let (line, column) = line_and_column(text, error.at);
        format!("{} at line {line} column {column}", error.message)
    })
}

pub fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    match parse(text)? {
        Value::Object(members) => Ok(members),
        _ => Err("it is not a JSON object".to_owned()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// Any other value, as written.
    Json(&'a str),
}

impl Member<'_> {
    /// The string, or the JSON of any other value.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Json(json) => json.to_owned(),
        }
    }
}

/// The JSON of a value.
///
/// # Errors
/// If it can't be written as JSON, such as a map whose keys aren't strings.
pub fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

/// JSON text inside a larger value, such as a stored document, which isn't parsed to be embedded.
pub type Raw = RawValue;

/// The text as a part of a larger value.
///
/// # Errors
/// If it isn't JSON.
pub fn raw(text: &str) -> Result<&Raw, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// As [`raw`], owned.
///
/// # Errors
/// If it isn't JSON.
pub fn into_raw(text: String) -> Result<Box<Raw>, String> {
    Raw::from_string(text).map_err(|error| error.to_string())
}

/// Members of an object, in this order. Those without a value are left out.
pub struct Members<'a>(pub &'a [(&'a str, Option<&'a str>)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter_map(|(name, value)| Some((name, (*value)?))))
    }
}

/// Calls `take` for each member of an object. Every request needs this for its messages, and building a map
/// would take three times as long.
pub fn for_each_member<'a>(
    text: &'a str,
    take: &mut dyn FnMut(&str, Member<'a>),
) -> Result<(), SyntaxError> {
    let mut reader = Reader::new(text, DOCUMENT_DEPTH);
    if !matches!(reader.peek()?, (_, JsonType::Object)) {
        return reader.fail("Expected an object");
    }
    reader.enter()?;
    let mut is_first = true;
    while reader.has_more(b'}', &mut is_first)? {
        let key = reader.key()?;
        let member = match reader.peek()? {
            (_, JsonType::String) => Member::Text(reader.string()?),
            (at, _) => {
                reader.skip()?;
                Member::Json(reader.text_from(at))
            }
        };
        take(&key.name, member);
    }
    match reader.next() {
        None => Ok(()),
        Some(_) => reader.fail("Expected nothing after the value"),
    }
}

pub fn parse_array(text: &str) -> Result<Vec<Value>, String> {
    match parse(text)? {
        Value::Array(items) => Ok(items),
        _ => Err("it is not a JSON array".to_owned()),
    }
}

/// The line and column of a byte, both counted from 1.
pub fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// The length of the value's JSON in bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(true) => 4,
        Value::Bool(false) => 5,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => string_size(text),
        Value::Array(items) => overhead(items.len()) + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => object_size(members),
    }
}

pub fn object_size(members: &Map<String, Value>) -> usize {
    overhead(members.len()) + members.iter().map(member_size).sum::<usize>()
}

pub fn member_size((name, value): (&String, &Value)) -> usize {
    string_size(name) + 1 + size(value)
}

/// The brackets and commas of an object or array with this many items.
pub fn overhead(count: usize) -> usize {
    2 + count.saturating_sub(1)
}

fn string_size(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum::<usize>() + 2
}

impl<'a> Reader<'a> {
    pub fn new(text: &'a str, depth_limit: usize) -> Self {
        Self { text, at: 0, depth: 0, depth_limit, unique_keys: false }
    }

    /// Makes duplicate keys an error.
    #[must_use]
    pub fn unique_keys(mut self) -> Self {
        self.unique_keys = true;
        self
    }

    /// The text from a byte up to the reader's position.
    pub fn text_from(&self, at: usize) -> &'a str {
        self.text.get(at..self.at).unwrap_or_default()
    }

    /// Moves to the start of the next value; returns its position and type.
    pub fn peek(&mut self) -> Result<(usize, JsonType), SyntaxError> {
        let json_type = match self.next() {
            Some(b'{') => JsonType::Object,
            Some(b'[') => JsonType::Array,
            Some(b'"') => JsonType::String,
            Some(b'-' | b'0'..=b'9') => JsonType::Number,
            _ => match self.word() {
                Some("null") => JsonType::Null,
                Some(_) => JsonType::Boolean,
                None => return self.fail("Expected a value"),
            },
        };
        Ok((self.at, json_type))
    }

    /// Enters an object or array. [`Self::has_more`] leaves it at its end.
    pub fn enter(&mut self) -> Result<(), SyntaxError> {
        if self.depth == self.depth_limit {
            return error(self.at, &format!("Depth exceeds the limit [{}]", self.depth_limit));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Moves to the next member or item, or leaves the object or array after the last one. `close` is
    /// the closing bracket; `is_first` is true before the first call.
    pub fn has_more(&mut self, close: u8, is_first: &mut bool) -> Result<bool, SyntaxError> {
        let found = self.next();
        if found == Some(close) {
            self.at += 1;
            self.depth = self.depth.saturating_sub(1);
            return Ok(false);
        }
        if std::mem::take(is_first) {
            return Ok(true);
        }
        match found {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            _ => self.fail(&format!("Expected [,] or [{}]", char::from(close))),
        }
    }

    /// Reads a key and its colon.
    pub fn key(&mut self) -> Result<Key<'a>, SyntaxError> {
        if self.next() != Some(b'"') {
            return self.fail("Expected a key");
        }
        let at = self.at;
        let name = self.string()?;
        let raw = self.text_from(at);
        if self.next() != Some(b':') {
            return self.fail("Expected [:]");
        }
        self.at += 1;
        Ok(Key { at, raw, name })
    }

    /// Reads a string. The reader must be at its opening quote.
    pub fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let start = self.at;
        let mut has_escapes = false;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let mut length = 1;
        loop {
            match rest.get(length) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    length += 2;
                }
                Some(0..0x20) => {
                    return error(start + length, "Unescaped control character in a string");
                }
                Some(_) => length += 1,
                None => {
                    self.at = self.text.len();
                    return self.fail("Expected the end of a string");
                }
            }
        }
        self.at = start + length + 1;
        let raw = self.text_from(start);
        count_work(raw.len());
        if !has_escapes {
            return Ok(Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default()));
        }
        let unescaped = serde_json::from_str(raw).map(Cow::Owned);
        unescaped.or_else(|_| error(start, "Invalid escape in this string"))
    }

    /// Reads `true`, `false`, `null` or a number. The reader must be at its start.
    pub fn literal(&mut self) -> Result<&'a str, SyntaxError> {
        let is_number = matches!(self.text.as_bytes().get(self.at), Some(b'-' | b'0'..=b'9'));
        if !is_number && let Some(word) = self.word() {
            self.at += word.len();
            return Ok(word);
        }
        let start = self.at;
        self.skip_if(b"-");
        if !self.skip_if(b"0") {
            self.digits()?;
        }
        if self.skip_if(b".") {
            self.digits()?;
        }
        if self.skip_if(b"eE") {
            self.skip_if(b"+-");
            self.digits()?;
        }
        count_work(self.at - start);
        Ok(self.text_from(start))
    }

    /// Reads a value of any type.
    pub fn value(&mut self) -> Result<Value, SyntaxError> {
        let (_, json_type) = self.peek()?;
        let mut is_first = true;
        Ok(match json_type {
            JsonType::Object => {
                let mut members = Map::new();
                self.enter()?;
                while self.has_more(b'}', &mut is_first)? {
                    let Key { at, name, .. } = self.key()?;
                    let value = self.value()?;
                    let name = name.into_owned();
                    if self.unique_keys && members.contains_key(&name) {
                        return duplicate(at, &name);
                    }
                    members.insert(name, value);
                }
                members.into()
            }
            JsonType::Array => {
                let mut items = Vec::new();
                self.enter()?;
                while self.has_more(b']', &mut is_first)? {
                    items.push(self.value()?);
                }
                items.into()
            }
            JsonType::String => self.string()?.into(),
            JsonType::Boolean => (self.literal()? == "true").into(),
            JsonType::Null => {
                self.literal()?;
                Value::Null
            }
            JsonType::Number => Number::from_string_unchecked(self.literal()?.to_owned()).into(),
        })
    }

    /// Validates a value without keeping it.
    pub fn skip(&mut self) -> Result<(), SyntaxError> {
        let (_, json_type) = self.peek()?;
        let mut is_first = true;
        match json_type {
            JsonType::Object => {
                let mut keys = Keys::default();
                self.enter()?;
                while self.has_more(b'}', &mut is_first)? {
                    let key = self.key()?;
                    self.check_unique(&mut keys, key)?;
                    self.skip()?;
                }
            }
            JsonType::Array => {
                self.enter()?;
                while self.has_more(b']', &mut is_first)? {
                    self.skip()?;
                }
            }
            JsonType::String => drop(self.string()?),
            _ => drop(self.literal()?),
        }
        Ok(())
    }

    /// Skips a value in a text that is known to be valid JSON, such as a stored document. It only looks
    /// for the value's end, which takes a fraction of the time of [`Self::skip`].
    pub fn skip_valid(&mut self) -> Result<(), SyntaxError> {
        let first = self.next();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = match first {
            Some(b'{' | b'[') => container_length(rest),
            Some(b'"') => string_length(rest),
            Some(_) => Some(literal_length(rest)),
            None => None,
        };
        let Some(length) = length else {
            self.at = self.text.len();
            return self.fail("Expected the end of a value");
        };
        count_work(length);
        self.at += length;
        Ok(())
    }

    /// Records a key, and fails if keys must be unique and this one isn't.
    pub fn check_unique(&self, keys: &mut Keys<'a>, key: Key<'a>) -> Result<(), SyntaxError> {
        if !self.unique_keys {
            return Ok(());
        }
        if keys.0.contains(&key.name) {
            return duplicate(key.at, &key.name);
        }
        keys.0.insert(key.name);
        Ok(())
    }

    /// Skips white space and returns the byte after it, without consuming it.
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            count_work(1);
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn word(&self) -> Option<&'static str> {
        let rest = self.text.get(self.at..)?;
        ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word))
    }

    fn skip_if(&mut self, any_of: &[u8]) -> bool {
        let is_there = self.text.as_bytes().get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(is_there);
        is_there
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.fail("Expected a value") } else { Ok(()) }
    }

    /// An error that says what was expected here, and what was found.
    fn fail<T>(&self, expected: &str) -> Result<T, SyntaxError> {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let message = match found {
            Some(found) if found.is_control() => format!("{expected}, found a control character"),
            Some(found) => format!("{expected}, found [{found}]"),
            None => format!("{expected}, found the end of the JSON"),
        };
        let at = self.at.min(self.text.len());
        Err(SyntaxError { at, message, is_end: found.is_none() })
    }
}

/// The length of the valid object or array that the bytes start with. `None` if it has no end.
fn container_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth <= 1 => return Some(at + 1),
            b'}' | b']' => depth -= 1,
            b'"' => {
                at += string_length(bytes.get(at..)?)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The length of the valid string that the bytes start with, with its quotes. `None` if it has no end.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The length of the valid number, `true`, `false` or `null` that the bytes start with.
fn literal_length(bytes: &[u8]) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
    bytes.iter().position(|byte| !is_part(byte)).unwrap_or(bytes.len())
}

fn error<T>(at: usize, message: &str) -> Result<T, SyntaxError> {
    Err(SyntaxError { at, message: message.to_owned(), is_end: false })
}

fn duplicate<T>(at: usize, name: &str) -> Result<T, SyntaxError> {
    error(at, &format!("Duplicate field '{name}'"))
}

/// The keys of an object that were read so far.
#[derive(Default)]
pub struct Keys<'a>(BTreeSet<Cow<'a, str>>);
