//! The status of a sync job and the one table that says which status may follow which.
//!
//! Source of the rule: the Connector Protocol as Elasticsearch enforces it. Everything that shows or
//! checks a transition is derived from [`SyncJobStatus::next`].

use std::fmt;

use SyncJobStatus::{Canceled, Canceling, Completed, Error, InProgress, Pending, Suspended};

use crate::status::Mover;

/// The status of a sync job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyncJobStatus {
    /// Nobody has started it yet.
    Pending,
    /// A worker of the connector service carries it out.
    InProgress,
    /// Somebody wants it to stop; its worker has not stopped yet.
    Canceling,
    /// It was stopped.
    Canceled,
    /// Its worker has shut down; another one may go on with it.
    Suspended,
    /// Everything is synced.
    Completed,
    /// It has failed.
    Error,
}

impl SyncJobStatus {
    /// Every status, in the order in which a job usually goes through them.
    pub const ALL: [Self; 7] =
        [Pending, InProgress, Canceling, Canceled, Suspended, Completed, Error];

    /// The statuses that may follow this one: the table.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Pending | Suspended => &[InProgress, Canceled],
            InProgress => &[Canceling, Suspended, Completed, Error],
            Canceling => &[Canceled, Error],
            Canceled | Completed | Error => &[],
        }
    }

    /// May `to` follow this status?
    pub fn can_become(self, to: Self) -> bool {
        self.next().contains(&to)
    }

    /// Why `to` may not follow this status; `None` if it may.
    pub fn explain(self, to: Self) -> Option<InvalidTransition> {
        (!self.can_become(to)).then_some(InvalidTransition { from: self, to })
    }

    /// Its name in documents and answers: lower case.
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

    /// The status of that name, in upper or lower case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Who moves a job to this status, and when.
    pub const fn mover(self) -> Mover {
        match self {
            Pending => Mover { who: "nobody", when: "only creating the job leads here" },
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

/// A transition that the Connector Protocol does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    /// The status the job has.
    pub from: SyncJobStatus,
    /// The status that was asked for.
    pub to: SyncJobStatus,
}

impl InvalidTransition {
    /// The sentence that says so, in pieces: the package is built from them. Elasticsearch's clients
    /// match on it, so it is kept to the letter.
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
