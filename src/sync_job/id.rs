//! The id of a sync job leads to its connector, and with it to the object that keeps both.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Between what names the job among those of its connector, and the connector's id.
const SEPARATOR: char = '.';
/// What a percent sign is elsewhere: in a URL it would have to be escaped itself.
const ESCAPE: &str = "~";
/// Of a connector's id, what is not escaped.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

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
        let escaped = utf8_percent_encode(connector, KEPT).to_string().replace('%', ESCAPE);
        Self { text: format!("{name}{SEPARATOR}{escaped}"), connector: connector.to_owned() }
    }

    /// Reads an id; `None` if no job can have it. There is one id for each job: other ways to write
    /// the same are none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, escaped) = text.rsplit_once(SEPARATOR)?;
        let escaped = escaped.replace(ESCAPE, "%");
        let id = Self::new(name, &percent_decode_str(&escaped).decode_utf8().ok()?);
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
