//! A connector's sync jobs that are pending: the Directory does not have their newest version.

use crate::values::sorted::SortedMap;

/// An object's pending jobs, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Jobs {
    has_tables: bool,
    pending: SortedMap<String, PendingJob>,
}

/// A job whose newest version the Directory does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingJob {
    pub version: u64,
    /// Whether more than `last_seen` has changed.
    pub is_edited: bool,
    /// Whether the alarm finds it after a crash.
    is_stored: bool,
}

/// What a write of a job means for the Directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Nothing,
    /// `last_seen` or progress. It may be lost in a crash: the next one replaces it.
    Progress,
    /// The caller waits, because searches must show it at once.
    Edit,
}

/// A change to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobChange {
    /// The previous version, and the version of the last change to anything but `last_seen`; `None`: the
    /// job is new.
    pub before: Option<(u64, u64)>,
    /// Whether more than `last_seen` changes.
    pub is_edit: bool,
    pub erases: bool,
    pub scope: Scope,
}

/// What to write for a change to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobCommit {
    /// The new version.
    pub version: u64,
    /// The version of the last change to anything but `last_seen`.
    pub edited: u64,
    /// Whether to record in storage that the job is pending.
    pub is_recorded: bool,
    pending: PendingJob,
}

impl Jobs {
    /// For an object with tables of jobs. `jobs`: id and version of those recorded as pending.
    pub fn with_pending(jobs: impl IntoIterator<Item = (String, u64)>) -> Self {
        let pending =
            |(id, version)| (id, PendingJob { version, is_edited: true, is_stored: true });
        Self { has_tables: true, pending: jobs.into_iter().map(pending).collect() }
    }

    /// Whether the object has tables of jobs.
    pub fn has_tables(&self) -> bool {
        self.has_tables
    }

    pub fn commit(&self, id: &str, change: JobChange) -> JobCommit {
        let (version, edited) =
            change.before.map_or((1, 1), |(version, edited)| (version + 1, edited));
        let known = self.pending.get(id);
        // One record is enough as long as the job exists.
        let is_known = !change.erases && known.is_some_and(|pending| pending.is_stored);
        let is_stored = is_known || change.scope == Scope::Edit;
        let is_edited = change.is_edit || known.is_some_and(|pending| pending.is_edited);
        JobCommit {
            version,
            edited: if change.is_edit { version } else { edited },
            is_recorded: is_stored && !is_known,
            pending: PendingJob { version, is_edited, is_stored },
        }
    }

    /// To be called when the commit is written.
    pub fn committed(&mut self, id: &str, commit: JobCommit) {
        self.has_tables = true;
        self.pending.insert(id.to_owned(), commit.pending);
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub fn pending(&self) -> impl Iterator<Item = (&String, PendingJob)> {
        self.pending.iter().map(|(id, pending)| (id, *pending))
    }

    /// The Directory has this version.
    pub fn acknowledge(&mut self, id: &str, version: u64) {
        if self.pending.get(id).is_some_and(|pending| pending.version <= version) {
            self.pending.remove(id);
        }
    }
}

/// An update of the Directory about some jobs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobsUpdate<T> {
    pub jobs: Vec<JobUpdate<T>>,
    /// Whether it includes documents that were not edited.
    pub with_documents: bool,
}

/// One job's part of a [`JobsUpdate`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobUpdate<T> {
    pub id: String,
    pub version: u64,
    /// Whether the document must be included.
    pub is_edited: bool,
    /// Whether the job is unfinished. After a restart, the Directory looks up when such jobs were last updated.
    pub is_open: bool,
    pub record: T,
}

impl<T> JobsUpdate<T> {
    pub fn new(jobs: Vec<JobUpdate<T>>) -> Self {
        Self { jobs, with_documents: false }
    }

    /// Evaluates the Directory's answers, one for each job. Keeps the jobs that must be sent again, with
    /// their documents, and returns the others.
    ///
    /// # Errors
    /// If the Directory did not apply a job.
    pub fn answered(&mut self, answers: &[&str]) -> Result<JobsAcknowledged, String> {
        if answers.len() != self.jobs.len() {
            return Err(format!("it answers {answers:?}"));
        }
        let (mut known, mut to_resend) = (JobsAcknowledged::default(), Vec::new());
        for (job, answer) in std::mem::take(&mut self.jobs).into_iter().zip(answers) {
            match *answer {
                "taken" | "seen" | "older" => {
                    known.gives_lease |= job.is_open && *answer != "older";
                    known.jobs.push((job.id, job.version));
                }
                "document needed" if !self.with_documents => to_resend.push(job),
                other => return Err(format!("it answers [{other}]")),
            }
        }
        self.jobs = to_resend;
        self.with_documents = true;
        Ok(known)
    }
}

/// The jobs that the Directory has acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsAcknowledged {
    /// Ids and versions.
    pub jobs: Vec<(String, u64)>,
    /// Whether the update renews the lease: a restarted Directory can look up when it was received.
    pub gives_lease: bool,
}
