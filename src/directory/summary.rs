//! The summary for triage: which connectors it counts and lists, and in which order.

use crate::status::Status;

/// Statuses by urgency: failures, then what waits for a user, then the others. Silent connectors that should be
/// working come right after failures.
pub const URGENCY: [Status; 5] = [
    Status::Error,
    Status::NeedsConfiguration,
    Status::Created,
    Status::Configured,
    Status::Connected,
];

/// A connector is silent if its last check-in is longer ago than this. `SILENT_AFTER_SECONDS` overrides
/// it.
pub const SILENCE_MS: u64 = 15 * 60_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortField {
    /// By [`URGENCY`], then the latest change of status first.
    #[default]
    Urgency,
    /// By [`sort_key`].
    Name,
    /// Case is ignored.
    IndexName,
    /// Case is ignored.
    ServiceType,
    /// When it got its current status.
    Since,
    LastSeen,
}

impl SortField {
    /// In the order of error messages.
    pub const ALL: [Self; 6] = [
        Self::Urgency,
        Self::Name,
        Self::IndexName,
        Self::ServiceType,
        Self::Since,
        Self::LastSeen,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Urgency => "urgency",
            Self::Name => "name",
            Self::IndexName => "index_name",
            Self::ServiceType => "service_type",
            Self::Since => "since",
            Self::LastSeen => "last_seen",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryRequest {
    pub from: usize,
    pub size: usize,
    pub sort: SortField,
    pub is_reversed: bool,
    /// Any of these; empty: all.
    pub statuses: Vec<String>,
    /// Any of these, where `""` means no service type; empty: all.
    pub service_types: Vec<String>,
    /// Lower-case words, each of which must be contained in one of a connector's texts.
    pub words: Vec<String>,
    /// Only silent connectors.
    pub silent: bool,
    /// Only connectors whose error has this cause.
    pub cause: Option<String>,
    /// Only soft-deleted connectors, instead of the others.
    pub deleted: bool,
    /// Patterns of the ids that the caller's key may see; `None`: all.
    pub ids: Option<Vec<String>>,
}

/// The sort key of a name, or of the id if there is no name. It ignores (ASCII) case and orders numbers
/// by value, so that `db-2` comes before `db-10`.
pub fn sort_key(name: Option<&str>, id: &str) -> String {
    let title = name.filter(|name| !name.trim().is_empty()).unwrap_or(id).trim();
    let mut key = String::new();
    let mut rest = title;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (text, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        let value = digits.trim_start_matches('0');
        key.push_str(&text.to_ascii_lowercase());
        // The number of digits first: a longer number is greater.
        key.push_str(&format!("{:03}{value}", value.len().min(999)));
        rest = after;
    }
    key.push_str(&rest.to_ascii_lowercase());
    key
}
