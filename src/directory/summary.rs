//! The list for triage: which connectors it counts and shows, and in which order.

use crate::status::Status;

/// Statuses by how much they need somebody: a failure, what waits for a person, then the others. Those that ought
/// to be working and are silent come after failures.
pub const URGENCY: [Status; 5] = [
    Status::Error,
    Status::NeedsConfiguration,
    Status::Created,
    Status::Configured,
    Status::Connected,
];

/// How long a connector that was seen may be away before it is called silent, in milliseconds,
/// unless `SILENT_AFTER_SECONDS` says something else.
pub const SILENCE_MS: u64 = 15 * 60_000;

/// What a summary is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortField {
    /// The status as in [`URGENCY`]; within one what changed last comes first.
    #[default]
    Urgency,
    /// The name as people sort names, or the id where there is none.
    Name,
    /// The index, without regard to case.
    IndexName,
    /// The type, without regard to case.
    ServiceType,
    /// When it took its status.
    Since,
    /// When it was last seen.
    LastSeen,
}

impl SortField {
    /// Every field, in the order in which they are named to people.
    pub const ALL: [Self; 6] = [
        Self::Urgency,
        Self::Name,
        Self::IndexName,
        Self::ServiceType,
        Self::Since,
        Self::LastSeen,
    ];

    /// Its name in requests.
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

/// What is asked of a summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many to skip.
    pub from: usize,
    /// How many to show.
    pub size: usize,
    /// What they are sorted by.
    pub sort: SortField,
    /// From the other end.
    pub is_reversed: bool,
    /// Only those with one of these statuses; empty: any.
    pub statuses: Vec<String>,
    /// Only those of one of these types, where the empty text stands for none; empty: any.
    pub service_types: Vec<String>,
    /// Only those that hold each of these, in lower case, in one of their texts.
    pub words: Vec<String>,
    /// Only those that are silent.
    pub silent: bool,
    /// Only those in an error of this cause.
    pub cause: Option<String>,
    /// Those that have been deleted, instead of those that are there.
    pub deleted: bool,
    /// Only those whose id matches one of these patterns; `None`: all.
    pub ids: Option<Vec<String>>,
}

/// What a connector is sorted by where names are sorted: without regard to case, and numbers by
/// their value, so that `db-2` comes before `db-10`. Case is that of ASCII, as in searches.
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
        // The longer number is the greater one.
        key.push_str(&format!("{:03}{value}", value.len().min(999)));
        rest = after;
    }
    key.push_str(&rest.to_ascii_lowercase());
    key
}
