//! Imports: a document that somebody put into Workers KV becomes a connector when its object is first
//! used.
//!
//! An object without a row reads Workers KV before it serves a request. Several requests may do so at
//! once, and what they read may be out of date: only an object that still has no row adopts, so an import
//! is adopted once, and never replaces a write. A connector that was erased keeps a row, so a copy that
//! comes back is not an import. If Workers KV does not answer, whether there is a connector is not known:
//! only a write that would replace the import in any case goes ahead.

use super::claims::{Change, Claims, Successor};

/// What Workers KV has for an object without a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Import<C> {
    /// Nothing that is a connector.
    Nothing,
    /// A connector; the change is its adoption.
    Found(C),
    /// It did not answer in time.
    Unknown,
}

/// What an object does next about an import.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<D> {
    /// Serve the request.
    Serve,
    /// Commit the import, then serve the request.
    Adopt(Successor<D>),
    /// Claim this index.
    Claim(String),
    /// Say that it is not known whether there is a connector.
    Refuse,
}

/// The end of a claim that was not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotGranted {
    /// Another connector has the index.
    InUse,
    /// The Directory could not say.
    Unknown,
}

/// What to do next. `has_row`: now, not when Workers KV was asked. `token`: of a granted claim.
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

/// Whether a request is served without the import, whose index was not granted. An import whose index
/// another connector has stays in Workers KV.
pub fn is_served_without(claim: NotGranted) -> bool {
    claim == NotGranted::InUse
}

/// Whether a write may go ahead although it is not known whether there is an import. `replaces`: it
/// creates the connector, whatever there was. `is_conditional`: it depends on what there is.
pub fn may_write_unseen(replaces: bool, is_conditional: bool) -> bool {
    replaces && !is_conditional
}
