//! What an error says, and which errors have the same cause.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::json;

/// Members of a JSON body that hold its message, the most telling first.
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
/// How deep a message is looked for in a JSON body.
const DEPTH: usize = 5;
/// What stands for a value that differs between errors of the same cause.
const GAP: &str = "…";
/// Characters of a message that are looked at for its cause.
const LOOKED_AT: usize = 600;
/// Characters of a cause.
const CAUSE_CHARACTERS: usize = 160;

/// What an error text says, in one line: the last line of a traceback, the innermost cause of a
/// stack trace, the message of a JSON body; otherwise its first line.
pub fn message(error: &str) -> Cow<'_, str> {
    let text = error.trim();
    if let Some(said) = in_json(text) {
        return said;
    }
    let line = in_traceback(text).or_else(|| in_stack(text)).unwrap_or_else(|| first_line(text));
    in_json(line).unwrap_or(Cow::Borrowed(line))
}

fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The message of a JSON body, with what stands before the body.
fn in_json(text: &str) -> Option<Cow<'_, str>> {
    let end = text.chars().next_back()?;
    if end != '}' && end != ']' {
        return None;
    }
    let (before, body) = text.split_at(text.find(if end == '}' { '{' } else { '[' })?);
    let body = json::parse(body).ok()?;
    let said = told(&body, DEPTH)?;
    let said = first_line(said);
    let before = first_line(before);
    Some(if before.is_empty() { said.to_owned() } else { format!("{before} {said}") }.into())
}

fn told(value: &Value, depth: usize) -> Option<&str> {
    match value {
        Value::String(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ if depth == 0 => None,
        Value::Array(items) => items.iter().find_map(|item| told(item, depth - 1)),
        Value::Object(members) => {
            MESSAGES.iter().find_map(|name| told(members.get(*name)?, depth - 1))
        }
        _ => None,
    }
}

/// The line of a Python traceback that names the exception: the first one after the last frame.
fn in_traceback(text: &str) -> Option<&str> {
    let (_, frames) = text.rsplit_once("Traceback (most recent call last):")?;
    let mut said = None;
    for line in frames.lines().filter(|line| !line.trim().is_empty()) {
        let is_indented = line.starts_with([' ', '\t']);
        if is_indented && line.trim_start().starts_with("File \"") {
            said = None;
        } else if !is_indented && said.is_none() {
            said = Some(line.trim());
        }
    }
    said.map(without_module)
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

/// What errors of the same cause have in common: a message without numbers, ids, addresses and
/// quoted values. A status of HTTP stays, for it tells causes apart.
pub fn cause(message: &str) -> String {
    let start: String = message.chars().take(LOOKED_AT).collect();
    let unquoted = without_quoted(&start);
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    for word in unquoted.split_whitespace() {
        let word = match words.last() {
            Some(before) if is_status(before, word) => Cow::Borrowed(word),
            _ => without_value(word),
        };
        // A list of values is one gap, however many there are.
        if word.starts_with(GAP)
            && words.last().is_some_and(|last| last.trim_end_matches(',') == GAP)
        {
            words.pop();
        }
        words.push(word);
    }
    words.join(" ").chars().take(CAUSE_CHARACTERS).collect()
}

/// Is the word a status of HTTP, going by the word before it?
fn is_status(before: &str, word: &str) -> bool {
    let number = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let names = ["http", "status", "code"];
    let before = before.trim_matches(|c: char| c.is_ascii_punctuation()).to_ascii_lowercase();
    number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit()) && names.contains(&&*before)
}

/// A gap instead of each quoted value. An apostrophe within a word quotes nothing.
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
                kept.push_str(GAP);
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

/// A gap instead of a word that is a value: one with a digit, an address, a path. Its punctuation
/// stays.
fn without_value(word: &str) -> Cow<'_, str> {
    let value = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '/');
    let dotted = value.trim_matches('.').split('.').filter(|part| !part.is_empty()).count() > 1;
    let is_value = value.contains(|c: char| c.is_ascii_digit())
        || value.contains("://")
        || value.contains('@')
        || value.starts_with('/')
        || value.contains(GAP)
        || dotted;
    if !is_value {
        return Cow::Borrowed(word);
    }
    match word.ends_with([':', ',', ';']) {
        true => format!("{GAP}{}", word.get(word.len() - 1..).unwrap_or_default()).into(),
        false => Cow::Borrowed(GAP),
    }
}
