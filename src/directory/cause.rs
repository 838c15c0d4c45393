//! Extracts the message from error texts, and groups messages by cause.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::json;

/// Members of a JSON error that may hold its message, the most specific first.
const MESSAGES: [&str; 9] = [
    "message",
    "error_description",
    "reason",
    "detail",
    "msg",
    "title",
    "error",
    "errors",
    "root_cause",
];
/// How deep to search for a message in a JSON error.
const DEPTH: usize = 5;
/// Replaces values that differ between errors of the same cause.
const PLACEHOLDER: &str = "…";
/// Only the start of a message decides its cause.
const MESSAGE_CHARACTERS: usize = 600;
const CAUSE_CHARACTERS: usize = 160;

/// The message of an error text, in one line: the last line of a Python traceback, the innermost cause
/// of a stack trace, the message of a JSON error; otherwise its first line.
pub fn message(error: &str) -> Cow<'_, str> {
    let text = error.trim();
    if let Some(message) = in_json(text) {
        return message;
    }
    let line = in_traceback(text).or_else(|| in_stack(text)).unwrap_or_else(|| first_line(text));
    in_json(line).unwrap_or(Cow::Borrowed(line))
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The message of a JSON error, with the text before the JSON.
fn in_json(text: &str) -> Option<Cow<'_, str>> {
    let end = text.chars().next_back()?;
    if end != '}' && end != ']' {
        return None;
    }
    let (before, body) = text.split_at(text.find(if end == '}' { '{' } else { '[' })?);
    let body = json::parse(body).ok()?;
    let message = first_line(find_message(&body, DEPTH)?);
    let before = first_line(before);
    Some(if before.is_empty() { message.to_owned() } else { format!("{before} {message}") }.into())
}

fn find_message(value: &Value, depth: usize) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ if depth == 0 => None,
        Value::Array(items) => items.iter().find_map(|item| find_message(item, depth - 1)),
        Value::Object(members) => {
            MESSAGES.iter().find_map(|name| find_message(members.get(*name)?, depth - 1))
        }
        _ => None,
    }
}

/// The line of a Python traceback that names the exception: the first one after the last frame.
fn in_traceback(text: &str) -> Option<&str> {
    let (_, frames) = text.rsplit_once("Traceback (most recent call last):")?;
    let mut exception = None;
    for line in frames.lines().filter(|line| !line.trim().is_empty()) {
        let is_indented = line.starts_with([' ', '\t']);
        if is_indented && line.trim_start().starts_with("File \"") {
            exception = None;
        } else if !is_indented && exception.is_none() {
            exception = Some(line.trim());
        }
    }
    exception.map(without_module)
}

/// `package.module.SomeError: text` without the module.
fn without_module(line: &str) -> &str {
    let name = line.split([':', ' ']).next().unwrap_or_default();
    let is_path = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    match name.rfind('.').filter(|_| is_path).and_then(|dot| line.get(dot + 1..)) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => rest,
        _ => line,
    }
}

/// The innermost cause of a stack trace whose frames begin with `at`, else the line above them.
fn in_stack(text: &str) -> Option<&str> {
    let is_frame =
        |line: &str| line.starts_with([' ', '\t']) && line.trim_start().starts_with("at ");
    if !text.lines().any(is_frame) {
        return None;
    }
    let caused = text.lines().rev().find_map(|line| line.trim().strip_prefix("Caused by: "));
    Some(without_module(caused.unwrap_or_else(|| first_line(text))))
}

/// The cause of a message: the message without numbers, ids, addresses and quoted values, so that errors
/// of the same cause get the same text. HTTP statuses stay, because they distinguish causes.
pub fn cause(message: &str) -> String {
    let start: String = message.chars().take(MESSAGE_CHARACTERS).collect();
    let unquoted = without_quoted(&start);
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    for word in unquoted.split_whitespace() {
        let word = match words.last() {
            Some(before) if is_status(before, word) => Cow::Borrowed(word),
            _ => without_value(word),
        };
        // A list of values becomes one placeholder.
        if word.starts_with(PLACEHOLDER)
            && words.last().is_some_and(|last| last.trim_end_matches(',') == PLACEHOLDER)
        {
            words.pop();
        }
        words.push(word);
    }
    words.join(" ").chars().take(CAUSE_CHARACTERS).collect()
}

/// Whether the word is an HTTP status, judging by the word before it.
fn is_status(before: &str, word: &str) -> bool {
    let number = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let names = ["http", "status", "code"];
    let before = before.trim_matches(|c: char| c.is_ascii_punctuation()).to_ascii_lowercase();
    number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) && names.contains(&&*before)
}

/// Replaces quoted values. An apostrophe within a word doesn't start one.
fn without_quoted(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (_, after) = rest.split_at(c.len_utf8());
        let close = match c {
            '\'' | '"' | '`' => Some(c),
            '\u{201c}' => Some('\u{201d}'),
            '\u{2018}' => Some('\u{2019}'),
            _ => None,
        };
        let opens = !kept.ends_with(char::is_alphanumeric);
        let inside = close.filter(|_| opens).and_then(|close| after.split_once(close));
        match inside {
            Some((_, more)) => {
                kept.push_str(PLACEHOLDER);
                rest = more;
            }
            None => {
                kept.push(c);
                rest = after;
            }
        }
    }
    kept
}

/// Replaces a word that looks like a value: one with a digit, an address, a path. Trailing punctuation
/// stays.
fn without_value(word: &str) -> Cow<'_, str> {
    let value = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '/');
    let dotted = value.trim_matches('.').split('.').filter(|part| !part.is_empty()).count() > 1;
    let is_value = value.contains(|c: char| c.is_ascii_digit())
        || value.contains("://")
        || value.contains('@')
        || value.starts_with('/')
        || value.contains(PLACEHOLDER)
        || dotted;
    if !is_value {
        return Cow::Borrowed(word);
    }
    if word.ends_with([':', ',', ';']) {
        format!("{PLACEHOLDER}{}", word.get(word.len() - 1..).unwrap_or_default()).into()
    } else {
        Cow::Borrowed(PLACEHOLDER)
    }
}
