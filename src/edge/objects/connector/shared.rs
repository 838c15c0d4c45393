//! What the requests and the outbox of a connector's object share: the row and the jobs as far as they are
//! in memory, claims, and what the runtime gives.

use std::cell::RefCell;

use worker::{Env, console_error};

use super::store::{self, Events, Record};
use crate::directory::Event;
use crate::edge::runtime::{Database, JsError, State, describe};
use crate::protocol::claims::Claims;
use crate::protocol::jobs::Jobs;
use crate::protocol::outbox::{Cursors, Versions};

/// The state of a connector's object.
pub(in crate::edge) struct Shared {
    pub env: Env,
    pub state: State,
    pub database: Database,
    pub claims: RefCell<Claims>,
    pub(super) loaded: RefCell<Loaded>,
    pub jobs: RefCell<Jobs>,
}

/// The row, as far as it was read.
#[derive(Default)]
pub(super) enum Loaded {
    /// Not read yet.
    #[default]
    Unread,
    /// There is none.
    Empty,
    /// There is one.
    Found(Record),
}

impl Shared {
    /// Of an object that has just been started.
    pub fn new(state: State, env: Env) -> Self {
        Self {
            env,
            database: state.database(),
            state,
            claims: RefCell::default(),
            loaded: RefCell::default(),
            jobs: RefCell::default(),
        }
    }

    /// Reads the row, unless it is in memory; tells whether it had to.
    ///
    /// # Errors
    /// If the database fails, or holds what this code did not write.
    pub(super) fn read_store(&self) -> Result<bool, JsError> {
        if !matches!(*self.loaded.borrow(), Loaded::Unread) {
            return Ok(false);
        }
        let loaded = match store::read(&self.database)? {
            Some((record, jobs)) => {
                self.jobs.replace(jobs);
                Loaded::Found(record)
            }
            None => Loaded::Empty,
        };
        self.loaded.replace(loaded);
        Ok(true)
    }

    /// Looks at the row as it is in memory.
    pub fn with_record<T>(&self, look: impl FnOnce(Option<&Record>) -> T) -> T {
        match &*self.loaded.borrow() {
            Loaded::Found(record) => look(Some(record)),
            Loaded::Unread | Loaded::Empty => look(None),
        }
    }

    /// Changes what is known of the outbox's consumers, in memory; `None`: there is no row.
    pub fn move_cursors<T>(&self, change: impl FnOnce(&mut Cursors) -> T) -> Option<T> {
        match &mut *self.loaded.borrow_mut() {
            Loaded::Found(record) => Some(change(&mut record.cursors)),
            Loaded::Unread | Loaded::Empty => None,
        }
    }

    /// What the Directory is to be told, with one event more.
    pub(super) fn untold_with(&self, event: Event) -> Events {
        let untold = self.with_record(|record| record.map(|record| record.untold.clone()));
        let mut untold = untold.unwrap_or_default();
        untold.add(event);
        untold
    }

    /// Changes the row in memory.
    pub(in crate::edge) fn change_record(&self, change: impl FnOnce(&mut Record)) {
        if let Loaded::Found(record) = &mut *self.loaded.borrow_mut() {
            change(record);
        }
    }

    /// The versions there are, and those that the outbox's consumers have; all 0 without a row.
    pub fn versions(&self) -> (Versions, Cursors) {
        self.with_record(|record| {
            record.map(|record| (record.versions(), record.cursors)).unwrap_or_default()
        })
    }

    /// Stores how far the outbox's consumers are.
    pub fn note_cursors(&self) {
        let noted = self.with_record(|record| {
            record.map_or(Ok(()), |it| store::note_cursors(&self.database, it.cursors, &it.untold))
        });
        if let Err(thrown) = noted {
            console_error!("how far the outbox is cannot be noted: {}", describe(&thrown));
        }
    }
}
