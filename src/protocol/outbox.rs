//! The outbox of a connector's object: what its consumers have been told, and what comes next.
//!
//! A change is told after its commit. Only the newest version is told, so a consumer is at most one
//! telling behind, however many changes there were. Each consumer has a cursor, the newest version
//! that it has: kept in memory, stored now and then. After a crash the stored cursor is older, so
//! something is told twice rather than never.

use crate::values::sorted::SortedMap;

use super::claims::SettledClaim;

/// The Directory is told the first change at once, then what has gathered, this often. So a list is
/// less than a second behind, however often a connector changes.
pub const DIRECTORY_GAP_MS: u64 = 750;
/// Workers KV takes one write a second for a key.
pub const KV_GAP_MS: u64 = 1_100;
/// How long a write to Workers KV that failed may still be carried out.
const LATE_WRITE_MS: u64 = 20_000;
/// Writes are dear: a heartbeat alone is copied only when the copy is this old. So the free plan's
/// 1,000 writes a day are enough for as many connectors as its other quotas are.
const HEARTBEAT_GAP_MS: u64 = 12 * 3_600_000;
/// A consumer that is behind for so long is reported. A single write that failed is made up for sooner.
pub const REPORT_AFTER_MS: u64 = 30_000;

/// The versions of a connector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Versions {
    /// Counts the writes.
    pub version: u64,
    /// The version of the last change to anything but the status and `last_seen`.
    pub edited: u64,
    /// The version of the last change to anything but `last_seen`.
    pub changed: u64,
}

/// The versions that the consumers have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursors {
    /// Workers KV.
    pub kv: u64,
    /// When it got it, in milliseconds since 1970.
    pub copied_at: u64,
    /// The Directory.
    pub directory: u64,
}

impl Cursors {
    /// Whether there is a version that the Directory has not been told of.
    pub fn is_directory_behind(&self, versions: Versions) -> bool {
        self.directory < versions.version
    }

    /// Whether there is a version to be copied to Workers KV.
    pub fn is_kv_behind(&self, versions: Versions, now: u64) -> bool {
        self.kv < versions.changed
            || (self.kv < versions.version && now.saturating_sub(self.copied_at) > HEARTBEAT_GAP_MS)
    }
}

/// Sees to it that a consumer is told one version at a time, and not too often.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pace {
    work: Work,
    last: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Work {
    #[default]
    None,
    Telling,
    Failed,
    Ending,
}

/// What is to be done next for a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// Wait so many milliseconds.
    Wait(u64),
    /// Tell it the newest version.
    Tell,
    /// Have the alarm repeat it.
    SetAlarm,
    /// Nothing.
    Rest,
}

impl Pace {
    /// Begins to tell the consumer, unless that is under way.
    pub fn begin(&mut self) -> bool {
        let begins = self.work == Work::None;
        if begins {
            self.work = Work::Telling;
        }
        begins
    }

    /// Is the consumer being told?
    pub fn is_running(&self) -> bool {
        self.work != Work::None
    }

    /// What is to be done next, once it was begun.
    pub fn next(&mut self, is_behind: bool, gap_ms: u64, now: u64) -> Turn {
        match self.work {
            Work::Failed => {
                self.work = Work::Ending;
                Turn::SetAlarm
            }
            Work::Telling if is_behind => {
                match gap_ms.saturating_sub(now.saturating_sub(self.last)) {
                    0 => {
                        self.mark(now);
                        Turn::Tell
                    }
                    wait => Turn::Wait(wait),
                }
            }
            Work::None | Work::Telling | Work::Ending => {
                self.work = Work::None;
                Turn::Rest
            }
        }
    }

    /// Notes that the consumer is being told, or has been.
    pub fn mark(&mut self, now: u64) {
        self.last = now;
    }

    /// Notes that a telling has failed, or does not count.
    pub fn fail(&mut self) {
        self.work = Work::Failed;
    }
}

/// How late a consumer is, and whether the Directory, which has the numbers, knows of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lag {
    /// Since when it has been behind at the end of an alarm; 0: it was not.
    since: u64,
    is_reported: bool,
}

impl Lag {
    /// Notes that it may have been reported before the object was put away.
    pub fn suspect_report(&mut self) {
        self.is_reported = true;
    }

    /// Notes that the Directory has forgotten who is behind.
    pub fn forget_report(&mut self) {
        self.is_reported = false;
    }

    /// To be called at the end of an alarm that began at `now`: what is to be reported, which is since
    /// when it is behind, or that it no longer is.
    pub fn look(&mut self, is_behind: bool, now: u64) -> Option<Option<u64>> {
        let since = match (is_behind, self.since) {
            (true, 0) => {
                self.since = now;
                return None;
            }
            (true, since) if now.saturating_sub(since) < REPORT_AFTER_MS => return None,
            (true, since) => Some(since),
            (false, _) => None,
        };
        self.since = since.unwrap_or_default();
        let is_news = since.is_some() != self.is_reported;
        self.is_reported = since.is_some();
        is_news.then_some(since)
    }
}

/// What the Directory is yet to hear of consumers that are late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reports {
    waiting: SortedMap<String, Report>,
    is_running: bool,
}

/// What there is to say of a consumer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Report {
    /// Since when it is behind; `None`: it no longer is.
    pub since: Option<u64>,
    /// How many messages to it were given up, if that is more than before.
    pub given_up: Option<u64>,
    /// The fingerprint of its URL, if that has answered 410.
    pub gone: Option<String>,
}

impl Reports {
    /// Adds what there is to say of a consumer. What was to be said of its losses stays.
    pub fn add(&mut self, consumer: &str, report: Report) {
        let before = self.waiting.remove(consumer).unwrap_or_default();
        let Report { since, given_up, gone } = report;
        let report =
            Report { since, given_up: given_up.or(before.given_up), gone: gone.or(before.gone) };
        self.waiting.insert(consumer.to_owned(), report);
    }

    /// Is there nothing to say?
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Begins to send reports, unless that is under way.
    pub fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.is_running, true)
    }

    /// The next report to be sent. Without one, sending is over.
    pub fn to_send(&mut self) -> Option<(String, Report)> {
        let next = self.waiting.iter().next();
        let next = next.map(|(consumer, report)| (consumer.clone(), report.clone()));
        self.is_running = next.is_some();
        next
    }

    /// Notes that a report has arrived. There may be something newer to say by now.
    pub fn sent(&mut self, consumer: &str, report: &Report) {
        if self.waiting.get(consumer) == Some(report) {
            self.waiting.remove(consumer);
        }
    }

    /// Notes that a report has failed: the alarm repeats it.
    pub fn fail(&mut self) {
        self.is_running = false;
    }
}

/// The one alarm of an object, as far as it is known to be set for the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Alarm {
    is_set: bool,
}

impl Alarm {
    /// Whether it has to be set, which is noted as done.
    pub fn want(&mut self) -> bool {
        !std::mem::replace(&mut self.is_set, true)
    }

    /// Is it set?
    pub fn is_set(&self) -> bool {
        self.is_set
    }

    /// Notes that it has come, or that it could not be set.
    pub fn clear(&mut self) {
        self.is_set = false;
    }
}

/// How often the Directory was to take an entry whatever it knows of that version, and how many of
/// these wishes it has heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Forced {
    asked: u64,
    heard: u64,
}

/// A telling of the Directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Telling {
    /// The version that is told.
    pub version: u64,
    /// Is the document told too?
    pub with_document: bool,
    /// Is the Directory to take it even if it has that version?
    pub is_forced: bool,
    /// The claims whose write is in that version.
    pub settled: Vec<SettledClaim>,
    asked: u64,
}

/// What follows from an answer of the Directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// It has this version now. `is_news`: it did not have it before, and its row says when it heard of it.
    Told {
        /// As above.
        is_news: bool,
    },
    /// It is told once more, with the document.
    AskedAgain,
}

impl Forced {
    /// Has the Directory take the next that it is told, whatever it knows of that version.
    pub fn ask(&mut self, cursors: &mut Cursors) {
        self.asked += 1;
        cursors.directory = 0;
    }

    /// Begins a telling of the newest version.
    pub fn begin(&self, versions: Versions, cursors: Cursors, settled: &[SettledClaim]) -> Telling {
        Telling {
            version: versions.version,
            with_document: versions.edited > cursors.directory,
            is_forced: self.heard < self.asked,
            settled: settled.to_vec(),
            asked: self.asked,
        }
    }

    /// Notes that a telling has arrived. One that was begun before somebody asked for another does
    /// not stand in for it.
    pub fn told(&mut self, telling: &Telling, cursors: &mut Cursors) {
        self.heard = self.heard.max(telling.asked);
        if self.heard == self.asked {
            cursors.directory = cursors.directory.max(telling.version);
        }
    }
}

impl Telling {
    /// What follows from an answer.
    ///
    /// # Errors
    /// If the Directory cannot be told, in words.
    pub fn answered(&mut self, answer: &str) -> Result<Answered, String> {
        match answer {
            "taken" | "seen" => Ok(Answered::Told { is_news: true }),
            "older" => Ok(Answered::Told { is_news: false }),
            "document needed" if !self.with_document => {
                self.with_document = true;
                Ok(Answered::AskedAgain)
            }
            other => Err(format!("it answers [{other}]")),
        }
    }
}

/// Copying to Workers KV.
///
/// A write that failed, or that nobody waited for to the end, may still be carried out later, over a
/// newer one. So for a while after a failure no write counts: the newest version is written again and
/// again, and whatever comes late is overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Copying {
    /// When a write last failed that may still be carried out.
    late_write: u64,
    /// When the object was started, if the copy of a heartbeat may have been under way before. It does no
    /// harm to the copy of another heartbeat, but would undo that of a change.
    late_heartbeat: u64,
}

/// A version of a connector that is being copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    /// The version.
    pub version: u64,
    /// When that began, in milliseconds since 1970.
    pub begun: u64,
    is_heartbeat: bool,
}

impl Copy {
    /// Begins to copy the newest version.
    pub fn begin(versions: Versions, cursors: Cursors, now: u64) -> Self {
        let is_heartbeat = cursors.kv >= versions.changed;
        Self { version: versions.version, begun: now, is_heartbeat }
    }
}

/// What a copy comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Copied {
    /// Workers KV has it.
    Done,
    /// It may be overwritten by something older: it is to be repeated.
    Doubtful,
}

impl Copying {
    /// To be called when the object has been started: a write may be under way of which nothing will be
    /// heard.
    pub fn start(&mut self, versions: Versions, cursors: Cursors, now: u64) {
        if cursors.kv < versions.changed {
            self.fail(now);
        } else if cursors.is_kv_behind(versions, now) {
            self.late_heartbeat = now;
        }
    }

    /// Notes that a write has failed.
    pub fn fail(&mut self, now: u64) {
        self.late_write = now;
    }

    /// Notes that a write has succeeded.
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
