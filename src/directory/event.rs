//! Events of the Directory's audit.

use serde::{Deserialize, Serialize};

/// An operation on a whole connector or on all connectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// ISO-8601 in UTC.
    pub at: String,
    /// `erase`, `restore`, `rewind`, `reindex`, `import`, `read_all`, `backup`.
    pub event: String,
    /// The connector's id; `None`: all connectors.
    pub connector: Option<String>,
    /// The API endpoint.
    pub via: String,
    /// The id of the API key or user that requested it.
    pub by: Option<String>,
    /// The id of the request in the log.
    pub request: Option<String>,
    /// The connector's version after it.
    pub version: Option<u64>,
    /// The number of connectors, for an operation on all of them.
    pub connectors: Option<u64>,
}
