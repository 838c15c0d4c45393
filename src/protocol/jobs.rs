//! Which sync jobs of a connector the Directory has not been told of.

use crate::values::sorted::SortedMap;

/// What an object remembers of its jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Jobs {
    has_tables: bool,
    untold: SortedMap<String, Untold>,
}

/// A job that the Directory has not been told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untold {
    /// The version that it is to hear of.
    pub version: u64,
    /// Is it more than `last_seen`?
    pub is_edited: bool,
    /// Will the alarm find it after a crash?
    is_stored: bool,
}

/// What a write of a job comes to for the Directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Nothing was written.
    Nothing,
    /// `last_seen`, or how far it is: the next one makes up for one that a crash keeps from it.
    Progress,
    /// Searches show it at once.
    Edit,
}

/// A change to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobChange {
    /// The version before, and that of the last change to anything but `last_seen`; `None`: there was
    /// no such job.
    pub before: Option<(u64, u64)>,
    /// Is it more than `last_seen`?
    pub is_edit: bool,
    /// Is it erased?
    pub erases: bool,
    /// What it comes to for the Directory.
    pub scope: Scope,
}

/// What is to be written of a change to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobCommit {
    /// The version that it makes.
    pub version: u64,
    /// The version of the last change to anything but `last_seen`.
    pub edited: u64,
    /// Is it to be stored that the Directory has not been told of it?
    pub is_noted: bool,
    untold: Untold,
}

impl Jobs {
    /// Where there are tables of jobs, with those that are stored as untold: id and version.
    pub fn with_untold(jobs: impl IntoIterator<Item = (String, u64)>) -> Self {
        let untold = |(id, version)| (id, Untold { version, is_edited: true, is_stored: true });
        Self { has_tables: true, untold: jobs.into_iter().map(untold).collect() }
    }

    /// Are there tables of jobs?
    pub fn has_tables(&self) -> bool {
        self.has_tables
    }

    /// What is to be written of a change.
    pub fn commit(&self, id: &str, change: JobChange) -> JobCommit {
        let (version, edited) =
            change.before.map_or((1, 1), |(version, edited)| (version + 1, edited));
        let known = self.untold.get(id);
        // One row says enough, as long as the job is there.
        let is_known = !change.erases && known.is_some_and(|untold| untold.is_stored);
        let is_stored = is_known || change.scope == Scope::Edit;
        let is_edited = change.is_edit || known.is_some_and(|untold| untold.is_edited);
        JobCommit {
            version,
            edited: if change.is_edit { version } else { edited },
            is_noted: is_stored && !is_known,
            untold: Untold { version, is_edited, is_stored },
        }
    }

    /// To be called when that is written.
    pub fn committed(&mut self, id: &str, commit: JobCommit) {
        self.has_tables = true;
        self.untold.insert(id.to_owned(), commit.untold);
    }

    /// Is there a job that the Directory has not been told of?
    pub fn is_behind(&self) -> bool {
        !self.untold.is_empty()
    }

    /// The jobs that the Directory has not been told of.
    pub fn untold(&self) -> impl Iterator<Item = (&String, Untold)> {
        self.untold.iter().map(|(id, untold)| (id, *untold))
    }

    /// To be called when the Directory has been told of that version.
    pub fn told(&mut self, id: &str, version: u64) {
        if self.untold.get(id).is_some_and(|untold| untold.version <= version) {
            self.untold.remove(id);
        }
    }
}

/// A telling of jobs: each with its version, and what is told of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobsTelling<T> {
    /// What is told.
    pub news: Vec<JobNews<T>>,
    /// Are documents told that have not been edited?
    pub with_documents: bool,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobNews<T> {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Does its document have to be told?
    pub is_edited: bool,
    /// Is it not over? After a restart, the Directory looks up when it was told of such jobs.
    pub is_open: bool,
    /// How it is.
    pub record: T,
}

impl<T> JobsTelling<T> {
    /// Of some jobs.
    pub fn new(news: Vec<JobNews<T>>) -> Self {
        Self { news, with_documents: false }
    }

    /// Takes the Directory's answers, one for each job: gives the jobs that it knows now, and keeps those
    /// that it wants to be told once more, with their documents.
    ///
    /// # Errors
    /// If it has not taken them, in words.
    pub fn answered(&mut self, answers: &[&str]) -> Result<JobsTold, String> {
        if answers.len() != self.news.len() {
            return Err(format!("it answers {answers:?}"));
        }
        let (mut told, mut wanted) = (JobsTold::default(), Vec::new());
        for (news, answer) in std::mem::take(&mut self.news).into_iter().zip(answers) {
            match *answer {
                "taken" | "seen" | "older" => {
                    told.gives_lease |= news.is_open && *answer != "older";
                    told.jobs.push((news.id, news.version));
                }
                "document needed" if !self.with_documents => wanted.push(news),
                other => return Err(format!("it answers [{other}]")),
            }
        }
        self.news = wanted;
        self.with_documents = true;
        Ok(told)
    }
}

/// What the Directory knows after an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsTold {
    /// The jobs that it knows, each with the version.
    pub jobs: Vec<(String, u64)>,
    /// Whether it would find out after a restart when it was told.
    pub gives_lease: bool,
}
