//! Validates index names.

use crate::limits::INDEX_NAME_BYTES;

/// The prefix of the indices of Elastic-managed connectors.
pub const NATIVE_INDEX_PREFIX: &str = "content-";

const FORBIDDEN: [char; 11] = ['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#'];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexName<'a>(&'a str);

impl<'a> IndexName<'a> {
    /// Checks a name. Upper case is legal, as in Elasticsearch's Connector API. Errors are
    /// Elasticsearch's.
    pub fn parse(name: &'a str) -> Result<Self, String> {
        let problem = if name.is_empty() {
            "must not be empty".to_owned()
        } else if name == "." || name == ".." {
            "must not be '.' or '..'".to_owned()
        } else if name.starts_with(['_', '-', '+']) {
            "must not start with '_', '-', or '+'".to_owned()
        } else if name.contains('#') {
            "must not contain '#'".to_owned()
        } else if name.contains(':') {
            "must not contain ':'".to_owned()
        } else if name.contains(FORBIDDEN) {
            let listed: Vec<String> =
                FORBIDDEN.iter().filter(|c| **c != '#').map(|c| format!("'{c}'")).collect();
            format!("must not contain the following characters [{}]", listed.join(","))
        } else if name.chars().any(char::is_control) {
            "must not contain control characters".to_owned()
        } else if name.len() > INDEX_NAME_BYTES {
            format!("index name is too long, ({} > {INDEX_NAME_BYTES})", name.len())
        } else {
            return Ok(Self(name));
        };
        Err(format!("InvalidIndexNameException[Invalid index name [{name}], {problem}]"))
    }

    /// Whether an Elastic-managed connector may use it.
    pub fn may_be_native(self) -> bool {
        self.0.starts_with(NATIVE_INDEX_PREFIX)
    }
}
