//! A sync job's id contains its connector's id, and so leads to the object that stores both.

use std::fmt;

/// Between the job's own name and its connector's id.
const SEPARATOR: char = '.';
/// Used like `%` in URLs, where `%` itself would have to be escaped.
const ESCAPE: char = '~';

/// Opaque to clients. Safe in a URL without escaping, because Elastic's connector service doesn't
/// escape ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncJobId {
    text: String,
    connector: String,
}

impl SyncJobId {
    /// `name` must be unique among the connector's jobs.
    pub fn new(name: &str, connector: &str) -> Self {
        let mut text = name.to_owned();
        text.push(SEPARATOR);
        for byte in connector.bytes() {
            match byte {
                b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => text.push(byte.into()),
                _ => text.push_str(&format!("{ESCAPE}{byte:02X}")),
            }
        }
        Self { text, connector: connector.to_owned() }
    }

    /// `None` if no job can have this id. Each job has exactly one: other escapings of the same text are
    /// not accepted.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, escaped) = text.rsplit_once(SEPARATOR)?;
        let mut connector = Vec::new();
        for (number, piece) in escaped.split(ESCAPE).enumerate() {
            let (hex, plain) = if number == 0 { ("", piece) } else { piece.split_at_checked(2)? };
            if !hex.is_empty() {
                connector.push(u8::from_str_radix(hex, 16).ok()?);
            }
            connector.extend(plain.bytes());
        }
        let id = Self::new(name, &String::from_utf8(connector).ok()?);
        (!name.is_empty() && !id.connector.is_empty() && id.text == text).then_some(id)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The connector's id.
    pub fn connector(&self) -> &str {
        &self.connector
    }
}

impl fmt::Display for SyncJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
