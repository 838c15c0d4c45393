//! The outbox of a connector's object: which version each consumer has, and what to send next.
//!
//! A change is sent after its commit. Only the newest version is sent, so a consumer lags by at most one
//! update, however many changes there were. Each consumer has a cursor, the newest version that it has.
//! Cursors are kept in memory and stored occasionally. After a crash the stored cursor may be older, so a
//! version is sent twice rather than never.

use crate::values::sorted::SortedMap;

use super::claims::CommittedClaim;

/// The minimum interval between updates of the Directory. The first change is sent at once, and later ones
/// together, so lists lag by less than a second.
pub const DIRECTORY_GAP_MS: u64 = 750;
/// Workers KV accepts one write per key and second.
pub const KV_GAP_MS: u64 = 1_100;
/// How long after its failure a write to Workers KV may still be carried out.
const LATE_WRITE_MS: u64 = 20_000;
/// Writes are expensive, so heartbeats are copied only if the copy is this old. The free plan's 1,000
/// writes a day then suffice for as many connectors as its other quotas do.
const HEARTBEAT_GAP_MS: u64 = 12 * 3_600_000;
/// A consumer that lags for longer than this is reported. The retry of a single failed write is sooner.
pub const REPORT_AFTER_MS: u64 = 30_000;

/// These changes are visible in lists at once, as in Elasticsearch: the response waits for the
/// Directory.
const AWAITED: [&str; 10] = [
    "_create",
    "_delete",
    "_restore",
    "_configuration",
    "_native",
    "_index_name",
    "_name",
    "_service_type",
    "_update",
    "_doc",
];

/// What the response to a write waits for, beyond its commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// Lists show the change.
    pub directory: Until,
    /// Searches for sync jobs do.
    pub jobs: bool,
}

/// How long a response waits for the Directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until it has this change.
    Delivered,
    /// Until the change may be acknowledged under a lease.
    Settled,
}

impl Awaited {
    /// `via` is the endpoint. `are_jobs_pending`: the Directory lacks changes of sync jobs.
    pub fn by_write(via: &str, are_jobs_pending: bool) -> Self {
        let directory = if AWAITED.contains(&via) { Until::Delivered } else { Until::Settled };
        Self { directory, jobs: via == "_delete" && are_jobs_pending }
    }

    /// After a connector and its sync jobs have been restored.
    pub fn by_restore(are_jobs_pending: bool) -> Self {
        Self { directory: Until::Delivered, jobs: are_jobs_pending }
    }
}

/// The versions of a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The number of writes.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// The version of the last change to anything but `last_seen`.
    pub changed: u64,
}

/// The versions that the consumers have, and the time of the copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursors {
    pub kv: u64,
    /// When Workers KV got its version, in milliseconds since 1970.
    pub copied_at: u64,
    pub directory: u64,
}

impl Cursors {
    pub fn is_directory_pending(&self, versions: Versions) -> bool {
        self.directory < versions.version
    }

    /// Heartbeats alone count only after [`HEARTBEAT_GAP_MS`].
    pub fn is_kv_pending(&self, versions: Versions, now: u64) -> bool {
        self.kv < versions.changed
            || (self.kv < versions.version && now.saturating_sub(self.copied_at) > HEARTBEAT_GAP_MS)
    }
}

/// Limits a consumer to one delivery at a time, and to one per interval.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pace {
    work: Work,
    last: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Work {
    #[default]
    None,
    Sending,
    Failed,
    Ending,
}

/// What to do next for a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// In milliseconds.
    Wait(u64),
    /// Send the newest version.
    Send,
    /// Have the alarm retry.
    SetAlarm,
    /// Nothing is pending, or the alarm retries.
    Idle,
}

impl Pace {
    /// Starts sending; false if that is already in progress.
    pub fn begin(&mut self) -> bool {
        let begins = self.work == Work::None;
        if begins {
            self.work = Work::Sending;
        }
        begins
    }

    pub fn is_running(&self) -> bool {
        self.work != Work::None
    }

    /// What to do next, after [`Pace::begin`].
    pub fn next(&mut self, is_pending: bool, gap_ms: u64, now: u64) -> Turn {
        match self.work {
            Work::Failed => {
                self.work = Work::Ending;
                Turn::SetAlarm
            }
            Work::Sending if is_pending => {
                match gap_ms.saturating_sub(now.saturating_sub(self.last)) {
                    0 => {
                        self.mark(now);
                        Turn::Send
                    }
                    wait => Turn::Wait(wait),
                }
            }
            Work::None | Work::Sending | Work::Ending => {
                self.work = Work::None;
                Turn::Idle
            }
        }
    }

    /// Records the time of a message to the consumer.
    pub fn mark(&mut self, now: u64) {
        self.last = now;
    }

    /// Sending failed, or the result is in doubt.
    pub fn fail(&mut self) {
        self.work = Work::Failed;
    }
}

/// Since when a consumer lags, and whether that was reported to the Directory, which keeps the metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lag {
    /// The start of the first alarm at whose end it lagged; 0: it did not.
    since: u64,
    is_reported: bool,
}

impl Lag {
    /// It may have been reported before the object was evicted.
    pub fn suspect_report(&mut self) {
        self.is_reported = true;
    }

    /// The Directory has lost its reports.
    pub fn forget_report(&mut self) {
        self.is_reported = false;
    }

    /// To be called at the end of an alarm that began at `now`. Returns the report to send, if any: since
    /// when the consumer lags, or `Some(None)` if it no longer does.
    pub fn update(&mut self, is_pending: bool, now: u64) -> Option<Option<u64>> {
        let since = match (is_pending, self.since) {
            (true, 0) => {
                self.since = now;
                return None;
            }
            (true, since) if now.saturating_sub(since) < REPORT_AFTER_MS => return None,
            (true, since) => Some(since),
            (false, _) => None,
        };
        self.since = since.unwrap_or_default();
        let has_changed = since.is_some() != self.is_reported;
        self.is_reported = since.is_some();
        has_changed.then_some(since)
    }
}

/// Reports about lagging consumers that the Directory does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reports {
    pending: SortedMap<String, Report>,
    is_running: bool,
}

/// A report about a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Report {
    /// Since when it lags; `None`: it no longer does.
    pub since: Option<u64>,
    /// The number of messages given up, if it has grown.
    pub given_up: Option<u64>,
    /// The fingerprint of its URL, if that returned 410.
    pub gone: Option<String>,
}

impl Reports {
    /// Adds a report. It keeps the losses of an earlier one.
    pub fn add(&mut self, consumer: &str, report: Report) {
        let before = self.pending.remove(consumer).unwrap_or_default();
        let Report { since, given_up, gone } = report;
        let report =
            Report { since, given_up: given_up.or(before.given_up), gone: gone.or(before.gone) };
        self.pending.insert(consumer.to_owned(), report);
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Starts sending; false if that is already in progress.
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_running, true)
    }

    /// The next report to send. If there is none, sending ends.
    pub fn to_send(&mut self) -> Option<(String, Report)> {
        let next = self.pending.iter().next();
        let next = next.map(|(consumer, report)| (consumer.clone(), report.clone()));
        self.is_running = next.is_some();
        next
    }

    /// A report was acknowledged. It stays if there is a newer one by now.
    pub fn sent(&mut self, consumer: &str, report: &Report) {
        if self.pending.get(consumer) == Some(report) {
            self.pending.remove(consumer);
        }
    }

    /// Sending failed: the alarm retries it.
    pub fn fail(&mut self) {
        self.is_running = false;
    }
}

/// Whether the object's alarm is known to be set for the outbox. An object has only one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Alarm {
    is_set: bool,
}

impl Alarm {
    /// Returns whether it must be set. From then on it counts as set.
    pub fn request(&mut self) -> bool {
        !std::mem::replace(&mut self.is_set, true)
    }

    pub fn is_set(&self) -> bool {
        self.is_set
    }

    /// To be called when it has run, or could not be set.
    pub fn clear(&mut self) {
        self.is_set = false;
    }
}

/// Forced updates, which the Directory applies even if it has that version: how many were requested, and
/// how many of them it has acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Forced {
    requested: u64,
    acknowledged: u64,
}

/// An update of the connector's entry in the Directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryUpdate {
    pub version: u64,
    /// Whether it includes the document.
    pub with_document: bool,
    /// Whether the Directory must apply it even if it has that version.
    pub is_forced: bool,
    /// The claims whose writes are in this version.
    pub committed_claims: Vec<CommittedClaim>,
    requested: u64,
}

/// What follows from the Directory's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// The Directory has this version. `is_new`: it did not have it before, and its row has the time of this
    /// update.
    Acknowledged { is_new: bool },
    /// It must be sent again, with the document.
    SendAgain,
}

impl Forced {
    /// Forces the next update.
    pub fn request(&mut self, cursors: &mut Cursors) {
        self.requested += 1;
        cursors.directory = 0;
    }

    /// An update to the newest version.
    pub fn begin(
        &self,
        versions: Versions,
        cursors: Cursors,
        committed_claims: &[CommittedClaim],
    ) -> EntryUpdate {
        EntryUpdate {
            version: versions.version,
            with_document: versions.edited > cursors.directory,
            is_forced: self.acknowledged < self.requested,
            committed_claims: committed_claims.to_vec(),
            requested: self.requested,
        }
    }

    /// The Directory has acknowledged an update. If it was begun before the last request, another one must
    /// follow.
    pub fn acknowledge(&mut self, update: &EntryUpdate, cursors: &mut Cursors) {
        self.acknowledged = self.acknowledged.max(update.requested);
        if self.acknowledged == self.requested {
            cursors.directory = cursors.directory.max(update.version);
        }
    }
}

impl EntryUpdate {
    /// # Errors
    /// If the Directory did not apply the update.
    pub fn answered(&mut self, answer: &str) -> Result<Answered, String> {
        match answer {
            "taken" | "seen" => Ok(Answered::Acknowledged { is_new: true }),
            "older" => Ok(Answered::Acknowledged { is_new: false }),
            "document needed" if !self.with_document => {
                self.with_document = true;
                Ok(Answered::SendAgain)
            }
            other => Err(format!("it answers [{other}]")),
        }
    }
}

/// Copying to Workers KV.
///
/// A write that failed or timed out may still be carried out later and overwrite a newer one. So for some
/// time after a failure no write counts: the newest version is written repeatedly, which overwrites late
/// writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Copying {
    /// When a write last failed that may still be carried out.
    late_write: u64,
    /// When the object started, if it may have been copying a heartbeat before. If that write is late, it may
    /// overwrite the copy of another heartbeat, but must not overwrite the copy of a change.
    late_heartbeat: u64,
}

/// A version of a connector that is being copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    pub version: u64,
    /// When copying began, in milliseconds since 1970.
    pub begun: u64,
    is_heartbeat: bool,
}

impl Copy {
    pub fn begin(versions: Versions, cursors: Cursors, now: u64) -> Self {
        let is_heartbeat = cursors.kv >= versions.changed;
        Self { version: versions.version, begun: now, is_heartbeat }
    }
}

/// The result of a write to Workers KV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Copied {
    /// Workers KV has it.
    Done,
    /// An older write may still overwrite it: repeat it.
    Doubtful,
}

impl Copying {
    /// To be called when the object starts: a write from before may still be in progress.
    pub fn start(&mut self, versions: Versions, cursors: Cursors, now: u64) {
        if cursors.kv < versions.changed {
            self.fail(now);
        } else if cursors.is_kv_pending(versions, now) {
            self.late_heartbeat = now;
        }
    }

    pub fn fail(&mut self, now: u64) {
        self.late_write = now;
    }

    pub fn succeed(&mut self, copy: Copy, cursors: &mut Cursors) -> Copied {
        let may_come_late = |since| copy.begun.saturating_sub(since) < LATE_WRITE_MS;
        if may_come_late(self.late_write)
            || (!copy.is_heartbeat && may_come_late(self.late_heartbeat))
        {
            return Copied::Doubtful;
        }
        cursors.kv = copy.version;
        cursors.copied_at = copy.begun;
        Copied::Done
    }
}
