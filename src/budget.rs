//! How much work one request may cause.
//!
//! Whatever evaluates a caller's expression over stored data - patterns, queries, sorting, `filter_path` - takes a
//! [`Budget`] and charges it before it does the work. Work is counted, not timed, so the same request over the same
//! data has the same outcome on every machine.
//!
//! A unit of work is a byte that is looked at, or a step of a comparison; what takes longer is charged for more.

use crate::limits::{HELD_BYTES, WORK};

/// What a look at a value in a document costs beside its bytes.
pub const VALUE: usize = 8;

/// What is left of the work that a request may cause.
#[derive(Debug)]
pub struct Budget {
    purpose: Purpose,
    work: usize,
}

/// What the work is for. It decides what a caller is told to make smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Filtering and indenting a response: `filter_path`, `pretty`.
    Format,
    /// Finding the connectors of a list: `query`, and the patterns of the caller's key.
    List,
    /// Finding and sorting the documents of a search.
    Search,
    /// Comparing an id or an e-mail address with patterns.
    Patterns,
}

/// The work would have been more than the budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget(Purpose);

impl Budget {
    /// A full budget.
    pub fn of(purpose: Purpose) -> Self {
        Self { purpose, work: WORK }
    }

    /// Charges for work that is about to be done.
    ///
    /// # Errors
    /// If that is more than is left.
    #[inline]
    pub fn spend(&mut self, work: usize) -> Result<(), OverBudget> {
        match self.work.checked_sub(work) {
            Some(left) => {
                self.work = left;
                Ok(())
            }
            None => {
                self.work = 0;
                Err(OverBudget(self.purpose))
            }
        }
    }

    /// Checks that so many bytes may be held in memory at once.
    ///
    /// # Errors
    /// If they are too many.
    #[inline]
    pub fn hold(&self, bytes: usize) -> Result<(), OverBudget> {
        if bytes <= HELD_BYTES { Ok(()) } else { Err(OverBudget(self.purpose)) }
    }

    /// How much was charged so far.
    pub fn spent(&self) -> usize {
        WORK - self.work
    }
}

impl OverBudget {
    /// What the caller should make smaller.
    pub fn reason(self) -> &'static str {
        match self.0 {
            Purpose::Format => {
                "formatting this response takes too much work: use fewer or simpler patterns in [filter_path], leave \
                 out [pretty], or ask for less with [size]"
            }
            Purpose::List => {
                "finding these connectors takes too much work: use a shorter [query] with fewer wildcards, or narrow \
                 the list down with [index_name], [connector_name], [service_type] or [status]"
            }
            Purpose::Search => {
                "this search takes too much work: use fewer clauses, terms and sort fields, reach less far with \
                 [from] and [size], or narrow it down by [_id], [status] or [service_type]"
            }
            Purpose::Patterns => {
                "comparing with these patterns takes too much work: use fewer or simpler patterns"
            }
        }
    }
}

/// Notes work where it is done, in tests of this crate: what was charged must bound it.
#[inline(always)]
pub(crate) fn did(_work: usize) {
    #[cfg(test)]
    tests::DONE.set(tests::DONE.get() + _work);
}

#[cfg(test)]
mod tests;
