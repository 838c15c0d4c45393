//! What the audit of all connectors keeps.

use serde::{Deserialize, Serialize};

/// Something that erased a connector, or that concerned one as a whole or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, as ISO-8601 in UTC.
    pub at: String,
    /// What: `erase`, `restore`, `rewind`, `reindex`, `import`, `read_all`, `backup`.
    pub event: String,
    /// The connector; `None`: all.
    pub connector: Option<String>,
    /// The endpoint.
    pub via: String,
    /// The id of the API key, or the person, that asked for it.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request: Option<String>,
    /// The version of the connector that it made.
    pub version: Option<u64>,
    /// How many connectors it concerned, if it was all of them.
    pub connectors: Option<u64>,
}
