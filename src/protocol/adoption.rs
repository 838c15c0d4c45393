//! Imports: a document in Workers KV becomes a connector when its object is first used.
//!
//! An object without a row reads Workers KV before it serves a request. Several requests may do so at
//! once, and what they read may be stale. An object adopts an import only if it still has no row, so an
//! import is adopted once and never replaces a write. An erased connector keeps its row, so a copy that
//! reappears is not an import. If Workers KV doesn't answer, only a write that would replace the import
//! anyway goes ahead.

use super::claims::{Change, Claims, Successor};

/// What Workers KV has for an object without a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Import<C> {
    /// No connector.
    Nothing,
    /// A connector, with the change that adopts it.
    Found(C),
    /// Workers KV did not answer in time.
    Unknown,
}

/// An object's next step.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<D> {
    Serve,
    /// Commit the import, then serve the request.
    Adopt(Successor<D>),
    /// Claim this index first.
    Claim(String),
    /// Refuse the request: whether the connector exists is unknown.
    Refuse,
}

/// Why a claim was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotGranted {
    /// Another connector has the index.
    InUse,
    /// The Directory did not decide.
    Unknown,
}

/// `has_row`: whether the object has a row now, not when Workers KV was read. `token`: of a granted claim.
pub fn next<D, C: Change<D> + Clone>(
    has_row: bool,
    import: &Import<C>,
    claims: &Claims,
    token: Option<&str>,
) -> Next<D> {
    if has_row {
        return Next::Serve;
    }
    match import {
        Import::Nothing => Next::Serve,
        Import::Unknown => Next::Refuse,
        Import::Found(adoption) => match claims.succeed(None, adoption.clone(), token) {
            Ok(successor) => Next::Adopt(successor),
            Err(index) => Next::Claim(index),
        },
    }
}

/// Whether a request is served without the import if its index was not granted. If another connector has
/// the index, the import stays in Workers KV.
pub fn is_served_without(claim: NotGranted) -> bool {
    claim == NotGranted::InUse
}

/// Whether a write may go ahead without knowing whether there is an import. `replaces`: it creates the
/// connector whether or not there is one. `is_conditional`: it depends on the current state.
pub fn may_write_unseen(replaces: bool, is_conditional: bool) -> bool {
    replaces && !is_conditional
}
