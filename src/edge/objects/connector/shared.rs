//! The state of a connector's object that its requests and its outbox share.

use std::cell::RefCell;

use worker::{Env, console_error};

use super::store::{self, Events, Record};
use crate::directory::Event;
use crate::edge::runtime::{Database, JsError, State, describe};
use crate::protocol::claims::Claims;
use crate::protocol::jobs::Jobs;
use crate::protocol::outbox::{Cursors, Versions};

pub(in crate::edge) struct Shared {
    pub env: Env,
    pub state: State,
    pub database: Database,
    pub claims: RefCell<Claims>,
    pub(super) loaded: RefCell<Loaded>,
    pub jobs: RefCell<Jobs>,
}

/// The row, if it has been read.
#[derive(Default)]
pub(super) enum Loaded {
    #[default]
    Unread,
    /// The table has no row.
    Empty,
    Found(Record),
}

impl Shared {
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

    /// Reads the row unless it is in memory. Returns whether it was read.
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

    /// Reads the row in memory.
    pub fn with_record<T>(&self, read: impl FnOnce(Option<&Record>) -> T) -> T {
        match &*self.loaded.borrow() {
            Loaded::Found(record) => read(Some(record)),
            Loaded::Unread | Loaded::Empty => read(None),
        }
    }

    /// Changes the consumers' cursors in memory; `None`: there is no row.
    pub fn move_cursors<T>(&self, change: impl FnOnce(&mut Cursors) -> T) -> Option<T> {
        match &mut *self.loaded.borrow_mut() {
            Loaded::Found(record) => Some(change(&mut record.cursors)),
            Loaded::Unread | Loaded::Empty => None,
        }
    }

    /// The pending events, with one more.
    pub(super) fn pending_events_with(&self, event: Event) -> Events {
        let pending = self.with_record(|record| record.map(|record| record.pending_events.clone()));
        let mut pending = pending.unwrap_or_default();
        pending.add(event);
        pending
    }

    /// Changes the row in memory.
    pub(in crate::edge) fn change_record(&self, change: impl FnOnce(&mut Record)) {
        if let Loaded::Found(record) = &mut *self.loaded.borrow_mut() {
            change(record);
        }
    }

    /// The connector's versions and the consumers' cursors; all 0 without a row.
    pub fn versions(&self) -> (Versions, Cursors) {
        self.with_record(|record| {
            record.map(|record| (record.versions(), record.cursors)).unwrap_or_default()
        })
    }

    pub fn store_cursors(&self) {
        let stored = self.with_record(|record| {
            record.map_or(Ok(()), |it| {
                store::store_cursors(&self.database, it.cursors, &it.pending_events)
            })
        });
        if let Err(thrown) = stored {
            console_error!("the cursors of the outbox cannot be stored: {}", describe(&thrown));
        }
    }
}
