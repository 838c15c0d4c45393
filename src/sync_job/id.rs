//! The id of a sync job leads to its connector, and with it to the object that keeps both.

use std::fmt;

/// Between what names the job among those of its connector, and the connector's id.
const SEPARATOR: char = '.';
/// What a percent sign is elsewhere: in a URL that would have to be escaped itself.
const ESCAPE: char = '~';

/// The id of a sync job: opaque to clients, and safe in a URL as it is. Elastic's connector service
/// puts ids into paths unescaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncJobId {
    text: String,
    connector: String,
}

impl SyncJobId {
    /// The id of a job of that connector. `name` names it among those.
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

    /// Reads an id; `None` if no job can have it. There is one id for each job: other ways to write
    /// the same are none.
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

    /// The id as clients know it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The id of the job's connector.
    pub fn connector(&self) -> &str {
        &self.connector
    }
}

impl fmt::Display for SyncJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
