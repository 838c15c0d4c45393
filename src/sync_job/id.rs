//! The id of a sync job leads to its connector, and with it to the object that keeps both.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};

/// Between what names the job among those of its connector, and the connector's id in base64.
const SEPARATOR: char = '.';

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
        let encoded = Base64UrlUnpadded::encode_string(connector.as_bytes());
        Self { text: format!("{name}{SEPARATOR}{encoded}"), connector: connector.to_owned() }
    }

    /// Reads an id; `None` if no job can have it. There is one id for each job: other ways to write
    /// the same are none.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, encoded) = text.rsplit_once(SEPARATOR)?;
        let connector = Base64UrlUnpadded::decode_vec(encoded).ok()?;
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
