//! The status of a sync job, and the table of legal transitions.
//!
//! The table is that of the Connector Protocol as Elasticsearch enforces it. Everything that shows or
//! checks a transition is derived from [`SyncJobStatus::next`].

use std::fmt;

use SyncJobStatus::{Canceled, Canceling, Completed, Error, InProgress, Pending, Suspended};

use crate::status::Mover;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncJobStatus {
    /// No worker has started it yet.
    Pending,
    /// A worker of the connector service runs it.
    InProgress,
    /// A user has canceled it; its worker hasn't stopped yet.
    Canceling,
    Canceled,
    /// Its worker has shut down; another one may resume it.
    Suspended,
    Completed,
    Error,
}

impl SyncJobStatus {
    /// Every status, in the order in which a job usually goes through them.
    pub const ALL: [Self; 7] =
        [Pending, InProgress, Canceling, Canceled, Suspended, Completed, Error];

    /// The statuses that may follow this one. This is the transition table.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Pending | Suspended => &[InProgress, Canceled],
            InProgress => &[Canceling, Suspended, Completed, Error],
            Canceling => &[Canceled, Error],
            Canceled | Completed | Error => &[],
        }
    }

    pub fn can_become(self, to: Self) -> bool {
        self.next().contains(&to)
    }

    /// Why `to` may not follow this status; `None` if it may.
    pub fn explain(self, to: Self) -> Option<InvalidTransition> {
        (!self.can_become(to)).then_some(InvalidTransition { from: self, to })
    }

    /// The name in documents and responses, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Pending => "pending",
            InProgress => "in_progress",
            Canceling => "canceling",
            Canceled => "canceled",
            Suspended => "suspended",
            Completed => "completed",
            Error => "error",
        }
    }

    /// Parses a name. Case is ignored.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Who moves a job to this status, and when.
    pub const fn mover(self) -> Mover {
        match self {
            Pending => Mover { who: "nobody", when: "initial status; you can't return to it" },
            InProgress => Mover {
                who: "connector",
                when: "the connector service, when one of its workers claims the job",
            },
            Canceling => Mover { who: "user", when: "a user, by canceling a job that is running" },
            Canceled => Mover {
                who: "user",
                when: "a user, by canceling a job that is not running; the connector service, once \
                       it has stopped one that was",
            },
            Suspended => Mover {
                who: "connector",
                when: "the connector service, when it shuts down before the job is done",
            },
            Completed => {
                Mover { who: "connector", when: "the connector service, when everything is synced" }
            }
            Error => {
                Mover { who: "connector", when: "the connector service, when it reports a failure" }
            }
        }
    }
}

impl From<SyncJobStatus> for &'static str {
    fn from(status: SyncJobStatus) -> Self {
        status.name()
    }
}

impl fmt::Display for SyncJobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A transition that the Connector Protocol doesn't allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    pub from: SyncJobStatus,
    pub to: SyncJobStatus,
}

impl InvalidTransition {
    /// Elasticsearch's error message, word for word because clients match on it. In pieces, because the
    /// npm package is built from them.
    pub const fn sentence(self) -> [&'static str; 5] {
        [
            "Invalid transition attempt from [",
            self.from.name(),
            "] to [",
            self.to.name(),
            "]. Such a ConnectorSyncStatus transition is not supported by the Connector Protocol.",
        ]
    }
}

impl fmt::Display for InvalidTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}
