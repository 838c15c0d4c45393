//! How much work one request may cause.
//!
//! Code that evaluates a caller's expression over stored data (patterns, queries, sorting, `filter_path`) charges a
//! [`Budget`] before it does the work. Work is counted, not timed, so the same request over the same data has the same
//! outcome on every machine.
//!
//! A unit of work is a byte read or a step of a comparison. Slower operations cost more units.

use crate::limits::{HELD_BYTES, WORK};

/// The cost of visiting a value in a document, on top of its bytes.
pub const VALUE: usize = 24;
/// The cost of trying one step of a pattern on a name, on top of comparing them.
pub const STEP: usize = 6;
/// The cost of copying a name that has escapes, on top of its bytes.
pub const COPY: usize = 96;
/// The cost of resolving the escapes in a text, for each of its bytes.
pub const UNESCAPE: usize = 8;
/// The cost of a text that SQLite extracts from a document, for each of its bytes, on top of them.
pub const LOAD: usize = 3;

/// The remaining work that a request may cause.
#[derive(Debug)]
pub struct Budget {
    purpose: Purpose,
    work: usize,
}

/// What the work is for. It decides which advice the error message gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Filtering and indenting a response: `filter_path`, `pretty`.
    Format,
    /// Filtering lists of connectors: `query`, and the patterns of the caller's key.
    List,
    /// Finding and sorting the documents of a search.
    Search,
    /// Matching an id or an email address against patterns.
    Patterns,
}

/// The request would exceed its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget(Purpose);

impl Budget {
    pub fn new(purpose: Purpose) -> Self {
        Self { purpose, work: WORK }
    }

    /// Charges for work that is about to be done.
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

    /// Checks that this many bytes may be held in memory at once.
    #[inline]
    pub fn check_held(&self, bytes: usize) -> Result<(), OverBudget> {
        if bytes <= HELD_BYTES { Ok(()) } else { Err(OverBudget(self.purpose)) }
    }

    pub fn spent(&self) -> usize {
        WORK - self.work
    }
}

impl OverBudget {
    /// The error message, which says how to reduce the work.
    pub fn reason(self) -> &'static str {
        match self.0 {
            Purpose::Format => {
                "formatting this response takes too much work: use fewer or simpler patterns in [filter_path], omit \
                 [pretty], or request fewer results with [size]"
            }
            Purpose::List => {
                "finding these connectors takes too much work: use a shorter [query] with fewer wildcards, or narrow \
                 the list with [index_name], [connector_name], [service_type] or [status]"
            }
            Purpose::Search => {
                "this search takes too much work: use fewer clauses, terms and sort fields, a smaller [from] and \
                 [size], or filter by [_id], [status] or [service_type]"
            }
            Purpose::Patterns => {
                "matching these patterns takes too much work: use fewer or simpler patterns"
            }
        }
    }
}

/// Counts the work really done, in tests only: they check that no more is done than was charged.
#[inline(always)]
pub(crate) fn count_work(_work: usize) {
    #[cfg(test)]
    tests::DONE.set(tests::DONE.get() + _work);
}

#[cfg(test)]
mod tests;
