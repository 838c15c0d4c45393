//! Summaries: webhook messages about many connectors, which the Directory sends.
//!
//! A connector's object asks the Directory before the first attempt to send a message. A few messages are
//! sent individually. The connectors of the others are gathered, and one summary names them
//! ([`Gathering`]). Connectors are stored as gathered in the same step, and a summary is stored when it is
//! made, so nothing is lost in between. Summaries that are given up are counted, and the next one reports
//! how many are missing.

use serde::{Deserialize, Serialize};

use super::webhooks::SENDING_LIMIT_MS;
use crate::webhook::{
    EventType, Gathering, Group, Next, Outcome, Reply, Settings, Target, Verdict,
};

/// A target's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TargetState {
    gathering: Gathering,
    /// All attempts, including those of connectors' objects.
    pub attempts: u64,
    /// Failed attempts.
    pub failures: u64,
    /// The last problem that was reported to other targets: the fingerprint of this target's URL if it
    /// returned 410, or, in the state under the empty name, the problems of the settings.
    reported: Option<String>,
}

/// A pending summary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PendingSummary {
    /// The number of its row. Summaries are sent in this order.
    pub n: u64,
    pub id: String,
    pub body: String,
    /// When it was made, in milliseconds since 1970.
    pub made: u64,
    pub attempts: usize,
    pub next_at: u64,
    /// The number of missing summaries that it reports: `data.missed` in its body.
    pub missed_in_body: u64,
}

/// The result of an attempt to send a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptResult {
    /// Store when to retry it.
    Retry { attempts: usize, next_at: u64 },
    /// Delete its row.
    Delivered,
    /// Delete its row, and count it.
    GivenUp,
    /// The target returned 410: delete everything that is pending for it.
    Ended,
}

impl TargetState {
    /// Adds attempts of a connector's object.
    pub fn count(&mut self, attempts: u64, failures: u64) {
        self.attempts += attempts;
        self.failures += failures;
    }

    /// Whether a summary will name the connector instead of the message that its object is about to send.
    /// A URL that returned 410 gets no summaries.
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

    /// The groups to summarize now, and the number of missing summaries, which the first one reports.
    pub fn take(&mut self, settings: &Settings, now: u64) -> (Vec<Group>, u64) {
        let groups = self.gathering.take(settings, now);
        let missed = if groups.is_empty() { 0 } else { std::mem::take(&mut self.gathering.missed) };
        (groups, missed)
    }

    /// The number of summaries given up since the last one was made.
    pub fn missed(&self) -> u64 {
        self.gathering.missed
    }

    /// When summaries must be made.
    pub fn due(&self) -> Option<u64> {
        self.gathering.due()
    }

    /// Evaluates an attempt to send a summary.
    pub fn record_attempt(
        &mut self,
        target: &Target,
        summary: &PendingSummary,
        reply: &Reply,
        settings: &Settings,
        now: u64,
    ) -> AttemptResult {
        self.count(1, u64::from(reply.outcome() != Outcome::Delivered));
        let attempts = summary.attempts + 1;
        match Next::after(settings, &summary.id, attempts, summary.made, reply, now) {
            Next::Retry(next_at) => AttemptResult::Retry { attempts, next_at },
            Next::Done(Outcome::Delivered) => AttemptResult::Delivered,
            Next::Done(Outcome::Failed) => {
                self.gathering.missed += 1 + summary.missed_in_body;
                AttemptResult::GivenUp
            }
            Next::Done(Outcome::Gone) => {
                self.gathering.gone = Some(target.fingerprint.clone());
                AttemptResult::Ended
            }
        }
    }

    /// Records a problem. Returns whether it must be reported to the other targets.
    pub fn note_problem(&mut self, problem: Option<String>) -> bool {
        let is_new = problem.is_some() && self.reported != problem;
        self.reported = problem;
        is_new
    }
}

impl AttemptResult {
    /// The final state, as it is logged; `None`: it is pending.
    pub const fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Retry { .. } => None,
            Self::Delivered => Some("delivered"),
            Self::GivenUp => Some("given_up"),
            Self::Ended => Some("ended"),
        }
    }
}

/// When the Directory's alarm must run for a target. `due`: when summaries must be made; `next_at`: when the
/// next one must be sent, unless one is being sent.
pub fn next_alarm(
    due: Option<u64>,
    next_at: Option<u64>,
    is_sending: bool,
    now: u64,
) -> Option<u64> {
    let next_at = if is_sending { Some(now + SENDING_LIMIT_MS) } else { next_at };
    due.into_iter().chain(next_at).min()
}
