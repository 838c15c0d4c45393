//! JSON text, read in one pass from its start, as Elasticsearch reads it: what is wrong further on
//! does not matter before it is reached.
//!
//! serde_json's reader falls short in two ways. Numbers must come back digit for digit; it can keep
//! them so, but then it marks them by an object with a reserved key, which a caller's JSON may hold
//! too. And an error in a request must name its place, whatever it is that is wrong.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use crate::budget::did;
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

/// What is wrong with a text that should be JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The byte at which the reader stopped.
    pub at: usize,
    /// What is wrong there.
    pub message: String,
    /// Whether the text ended too early.
    pub is_end: bool,
}

/// A key of an object.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    /// The byte at which it starts.
    pub at: usize,
    /// The key as it is written, with its quotes.
    pub raw: &'a str,
    /// The key.
    pub name: Cow<'a, str>,
}

/// Goes through a text, one token after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    depth_limit: usize,
    unique_keys: bool,
}

/// Reads a document: all of the text must be one value. Of a key that stands twice in an object, the
/// last counts.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader::new(text, DOCUMENT_DEPTH);
    let read = reader.value().and_then(|value| match reader.next() {
        None => Ok(value),
        Some(_) => reader.fail("Expected nothing after the value"),
    });
    read.map_err(|error| {
        let (line, column) = place(text, error.at);
        format!("{} at line {line} column {column}", error.message)
    })
}

/// Reads a document that is an object.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse_object(text: &str) -> Result<Map<String, Value>, String> {
    match parse(text)? {
        Value::Object(members) => Ok(members),
        _ => Err("it is no JSON object".to_owned()),
    }
}

/// What an object's member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// Anything else, as it is written.
    Json(&'a str),
}

impl Member<'_> {
    /// The string, or what is written instead.
    pub fn into_text(self) -> String {
        match self {
            Self::Text(text) => text.into_owned(),
            Self::Json(json) => json.to_owned(),
        }
    }
}

/// Reads an object and gives its members one after the other, without a map in between: what crosses
/// with every request is read in a third of the time.
///
/// # Errors
/// What is wrong with it, and where.
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
                Member::Json(reader.since(at))
            }
        };
        take(&key.name, member);
    }
    match reader.next() {
        None => Ok(()),
        Some(_) => reader.fail("Expected nothing after the value"),
    }
}

/// Reads a document that is a list.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse_array(text: &str) -> Result<Vec<Value>, String> {
    match parse(text)? {
        Value::Array(items) => Ok(items),
        _ => Err("it is no JSON list".to_owned()),
    }
}

/// The line and column of a byte of the text, both from 1.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// How many bytes a value has as JSON.
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

/// How many bytes an object has as JSON.
pub fn object_size(members: &Map<String, Value>) -> usize {
    overhead(members.len()) + members.iter().map(member_size).sum::<usize>()
}

/// How many bytes a member of an object has as JSON.
pub fn member_size((name, value): (&String, &Value)) -> usize {
    string_size(name) + 1 + size(value)
}

/// How many bytes stand around and between so many members or items.
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
    /// At the start of the text. Values may be nested as deep as `depth_limit`.
    pub fn new(text: &'a str, depth_limit: usize) -> Self {
        Self { text, at: 0, depth: 0, depth_limit, unique_keys: false }
    }

    /// Makes a key that stands twice in one object an error.
    #[must_use]
    pub fn unique_keys(mut self) -> Self {
        self.unique_keys = true;
        self
    }

    /// The text from that byte up to where the reader is.
    pub fn since(&self, at: usize) -> &'a str {
        self.text.get(at..self.at).unwrap_or_default()
    }

    /// Goes to the start of the next value: where it is, and its type.
    ///
    /// # Errors
    /// If there is none.
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

    /// Goes into an object or a list. [`Self::has_more`] goes out again.
    ///
    /// # Errors
    /// If it is nested too deep.
    pub fn enter(&mut self) -> Result<(), SyntaxError> {
        if self.depth == self.depth_limit {
            return error(self.at, &format!("Depth exceeds the limit [{}]", self.depth_limit));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Goes to the next member or item; behind the last one, out of the object or the list.
    /// `close` is the character that ends it, `is_first` true before the first call.
    ///
    /// # Errors
    /// If there is something else.
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

    /// Reads a key and the colon after it.
    ///
    /// # Errors
    /// If there is something else.
    pub fn key(&mut self) -> Result<Key<'a>, SyntaxError> {
        if self.next() != Some(b'"') {
            return self.fail("Expected a key");
        }
        let at = self.at;
        let name = self.string()?;
        let raw = self.since(at);
        if self.next() != Some(b':') {
            return self.fail("Expected [:]");
        }
        self.at += 1;
        Ok(Key { at, raw, name })
    }

    /// Reads a string, at whose start the reader is.
    ///
    /// # Errors
    /// If it does not end, or holds what a string cannot hold.
    pub fn string(&mut self) -> Result<Cow<'a, str>, SyntaxError> {
        let start = self.at;
        let mut has_escapes = false;
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.at += 2;
                }
                Some(0..0x20) => return error(self.at, "Unescaped control character in a string"),
                Some(_) => self.at += 1,
                None => return self.fail("Expected the end of a string"),
            }
        }
        self.at += 1;
        let raw = self.since(start);
        did(raw.len());
        if !has_escapes {
            return Ok(Cow::Borrowed(raw.get(1..raw.len() - 1).unwrap_or_default()));
        }
        let unescaped = serde_json::from_str(raw).map(Cow::Owned);
        unescaped.or_else(|_| error(start, "Invalid escape in this string"))
    }

    /// Reads `true`, `false`, `null` or a number, at whose start the reader is.
    ///
    /// # Errors
    /// If it is none of them.
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
        did(self.at - start);
        Ok(self.since(start))
    }

    /// Reads a value, whatever it is.
    ///
    /// # Errors
    /// If it is no JSON.
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

    /// Reads a value and forgets it.
    ///
    /// # Errors
    /// If it is no JSON.
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

    /// Goes past a value of a text that is known to be JSON, such as a stored document: strings and
    /// brackets are all that is looked at, which takes a fraction of the time of [`Self::skip`].
    ///
    /// # Errors
    /// If the text ends within it.
    pub fn pass_over(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek()?.1, JsonType::Object | JsonType::Array) {
            return self.skip();
        }
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth = depth.saturating_sub(1),
                Some(b'"') => self.pass_over_string(),
                Some(_) => {}
                None => return self.fail("Expected the end of a value"),
            }
            self.at += 1;
            if depth == 0 {
                did(self.at - start);
                return Ok(());
            }
        }
    }

    /// Goes from the first quote of a string to its last.
    fn pass_over_string(&mut self) {
        loop {
            self.at += 1;
            match self.text.as_bytes().get(self.at) {
                Some(b'\\') => self.at += 1,
                Some(b'"') | None => return,
                Some(_) => {}
            }
        }
    }

    /// Notes a key of an object.
    ///
    /// # Errors
    /// If keys must be unique and this one is not.
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

    /// The next byte that is not white space. The reader stays in front of it.
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            did(1);
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// The word that stands here.
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
        let start = self.at;
        while self.skip_if(b"0123456789") {}
        if self.at == start { self.fail("Expected a value") } else { Ok(()) }
    }

    /// What was expected here, and what there is instead.
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

fn error<T>(at: usize, message: &str) -> Result<T, SyntaxError> {
    Err(SyntaxError { at, message: message.to_owned(), is_end: false })
}

fn duplicate<T>(at: usize, name: &str) -> Result<T, SyntaxError> {
    error(at, &format!("Duplicate field '{name}'"))
}

/// The keys of an object so far.
#[derive(Default)]
pub struct Keys<'a>(BTreeSet<Cow<'a, str>>);
