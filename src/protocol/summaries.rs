//! What the Directory sends webhooks about many connectors at once.
//!
//! A connector's object asks before it sends a message for the first time. A few are sent by themselves; the
//! connectors of the others are gathered, and one summary names them ([`Gathering`]). Connectors are stored
//! as gathered in the same step, and a summary is stored as it is made, so nothing is lost in between. A
//! summary that is given up is counted, and the next one says how many before it are missing.

use serde::{Deserialize, Serialize};

use crate::webhook::{
    EventType, Gathering, Group, Next, Outcome, Reply, Settings, TIME_LIMIT_MS, Target, Verdict,
};

/// When the alarm looks for summaries that were being sent: a crash may have ended that.
const SENDING_LIMIT_MS: u64 = TIME_LIMIT_MS + 5_000;

/// How a target is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TargetState {
    gathering: Gathering,
    /// Attempts to send it something.
    pub attempts: u64,
    /// Those of them that have failed.
    pub failures: u64,
    /// The last problem that was sent to other targets: the fingerprint of a URL of this one that has
    /// answered 410, or, kept under no target's name, what is wrong with the settings.
    told: Option<String>,
}

/// A summary that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiting {
    /// The number of its row: summaries are sent in this order.
    pub n: u64,
    /// Its id.
    pub id: String,
    /// What is sent.
    pub body: String,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
    /// How often it was tried to send it.
    pub attempts: usize,
    /// When it is sent next.
    pub next_at: u64,
    /// How many summaries before it are missing, as it says.
    pub says: u64,
}

/// What is to be written after an attempt to send a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Settled {
    /// It waits for another attempt.
    Waits {
        /// How often it was tried.
        attempts: usize,
        /// When it is tried again.
        next_at: u64,
    },
    /// It has arrived: its row goes.
    Delivered,
    /// It is given up: its row goes, and it is counted.
    GivenUp,
    /// The target has answered 410: all that waits for it goes.
    Ended,
}

impl TargetState {
    /// Counts attempts of a connector's object.
    pub fn count(&mut self, attempts: u64, failures: u64) {
        self.attempts += attempts;
        self.failures += failures;
    }

    /// Decides about a message that a connector's object is about to send: whether a summary names the
    /// connector instead. To a URL that has answered 410 no summary is sent.
    pub fn gathers(
        &mut self,
        target: &Target,
        event: EventType,
        settings: &Settings,
        now: u64,
    ) -> bool {
        let is_gone = self.gathering.gone.as_ref() == Some(&target.fingerprint);
        !is_gone && self.gathering.admit(event, settings, now) == Verdict::Gathered
    }

    /// The groups of which summaries are to be made now, and how many summaries before them are missing:
    /// the first one says so.
    pub fn take(&mut self, settings: &Settings, now: u64) -> (Vec<Group>, u64) {
        let groups = self.gathering.take(settings, now);
        let missed = if groups.is_empty() { 0 } else { std::mem::take(&mut self.gathering.missed) };
        (groups, missed)
    }

    /// How many summaries were given up since the last one was made.
    pub fn missed(&self) -> u64 {
        self.gathering.missed
    }

    /// When there are summaries to be made.
    pub fn due(&self) -> Option<u64> {
        self.gathering.due()
    }

    /// Notes what came of an attempt to send a summary.
    pub fn settle(
        &mut self,
        target: &Target,
        waiting: &Waiting,
        reply: &Reply,
        settings: &Settings,
        now: u64,
    ) -> Settled {
        self.count(1, u64::from(reply.outcome() != Outcome::Delivered));
        let attempts = waiting.attempts + 1;
        match Next::after(settings, &waiting.id, attempts, waiting.made, reply, now) {
            Next::Again(next_at) => Settled::Waits { attempts, next_at },
            Next::Done(Outcome::Delivered) => Settled::Delivered,
            Next::Done(Outcome::Failed) => {
                self.gathering.missed += 1 + waiting.says;
                Settled::GivenUp
            }
            Next::Done(Outcome::Gone) => {
                self.gathering.gone = Some(target.fingerprint.clone());
                Settled::Ended
            }
        }
    }

    /// Notes a problem of which the other targets are told; whether that is still to be done.
    pub fn note_problem(&mut self, problem: Option<String>) -> bool {
        let is_new = problem.is_some() && self.told != problem;
        self.told = problem;
        is_new
    }
}

impl Settled {
    /// What became of the summary, as it is logged; `None`: it waits.
    pub const fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Waits { .. } => None,
            Self::Delivered => Some("delivered"),
            Self::GivenUp => Some("given_up"),
            Self::Ended => Some("ended"),
        }
    }
}

/// When the Directory's alarm is needed for a target. `due`: when summaries are to be made; `next_at`: when
/// the next one is sent, unless that is under way.
pub fn next_alarm(
    due: Option<u64>,
    next_at: Option<u64>,
    is_sending: bool,
    now: u64,
) -> Option<u64> {
    let next_at = if is_sending { Some(now + SENDING_LIMIT_MS) } else { next_at };
    due.into_iter().chain(next_at).min()
}
