//! What the Directory keeps of a connector beside its document.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What lists filter and sort by, as a connector's object tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<'a> {
    /// The connector's id.
    pub id: Cow<'a, str>,
    /// Which of its versions this is; 0: its object has not been asked yet.
    pub version: u64,
    /// 0: no, 1: softly, 2: it was erased.
    pub deleted: u64,
    /// The name of its status.
    pub status: Option<Cow<'a, str>>,
    /// When it took its status.
    pub since: Option<Cow<'a, str>>,
    /// The index it is attached to.
    pub index_name: Option<Cow<'a, str>>,
    /// Its name for people.
    pub name: Option<Cow<'a, str>>,
    /// What it connects to.
    pub service_type: Option<Cow<'a, str>>,
    /// What it is for.
    pub description: Option<Cow<'a, str>>,
    /// When it was last seen.
    pub last_seen: Option<Cow<'a, str>>,
    /// The start of its error.
    pub error: Option<Cow<'a, str>>,
    /// Claims of index names whose write is in this version, or in an earlier one: index and token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settled: Vec<(String, String)>,
    /// Is it to be taken even if that version is known already?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
    /// The change of the Directory that wrote it. Only the Directory's own rows have one.
    #[serde(default, skip_serializing)]
    pub changed: u64,
}
