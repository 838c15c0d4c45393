//! The status of a connector, and the table of legal transitions.
//!
//! The table is that of the Connector Protocol as Elasticsearch has enforced it since 8.15
//! (elastic/elasticsearch#109671), which first allowed `configured`, `connected` and `error` to
//! follow themselves. The Worker, the npm package, the console's diagram and the table in the README
//! are all derived from [`Status::next`].

use core::fmt;

use Status::{Configured, Connected, Created, Error, NeedsConfiguration};

/// The status of a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// No connector service has picked it up yet.
    Created,
    /// The connector service has registered its configuration fields; a user has to fill them in.
    NeedsConfiguration,
    /// The configuration is filled in; the connector service hasn't reached the source yet.
    Configured,
    /// The connector service has reached the source.
    Connected,
    /// The connector service has reported a failure.
    Error,
}

impl Status {
    /// Every status, in the order in which a connector usually goes through them.
    pub const ALL: [Self; 5] = [Created, NeedsConfiguration, Configured, Connected, Error];

    /// The statuses that may follow this one. This is the transition table.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Created => &[NeedsConfiguration, Error],
            NeedsConfiguration => &[Configured, Error],
            Configured => &[NeedsConfiguration, Configured, Connected, Error],
            Connected => &[Configured, Connected, Error],
            Error => &[Configured, Connected, Error],
        }
    }

    /// Whether `to` may follow this status.
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
            Created => "created",
            NeedsConfiguration => "needs_configuration",
            Configured => "configured",
            Connected => "connected",
            Error => "error",
        }
    }

    /// Parses a name. Case is ignored.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }

    /// Who moves a connector to this status, and when.
    pub const fn mover(self) -> Mover {
        match self {
            Created => Mover { who: "nobody", when: "initial status; you can't return to it" },
            NeedsConfiguration => Mover {
                who: "connector",
                when: "the connector service, when it registers which configuration it needs",
            },
            Configured => Mover { who: "user", when: "a user, by filling in the configuration" },
            Connected => Mover {
                who: "connector",
                when: "the connector service, once it has reached its source",
            },
            Error => {
                Mover { who: "connector", when: "the connector service, when it reports a failure" }
            }
        }
    }
}

impl From<Status> for &'static str {
    fn from(status: Status) -> Self {
        status.name()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who moves a connector or a job to a status, and when. Shown to users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mover {
    /// `connector` (the connector service), `user`, or `nobody`.
    pub who: &'static str,
    /// When, as a phrase: "a user, by filling in the configuration".
    pub when: &'static str,
}

/// A transition that the Connector Protocol doesn't allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTransition {
    /// The current status.
    pub from: Status,
    /// The requested status.
    pub to: Status,
}

impl InvalidTransition {
    /// Elasticsearch's error message, word for word because clients match on it. In pieces, so that
    /// the browser build can join them without a formatter.
    pub const fn sentence(self) -> [&'static str; 5] {
        [
            "Invalid transition attempt from [",
            self.from.name(),
            "] to [",
            self.to.name(),
            "]. Such a status transition is not supported by the Connector Protocol.",
        ]
    }
}

impl fmt::Display for InvalidTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentence().into_iter().try_for_each(|piece| f.write_str(piece))
    }
}
