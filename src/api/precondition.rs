//! `ETag`, `If-Match`, `If-None-Match`: a caller acts on what it has seen (RFC 9110, section 13).

use super::error::ApiError;
use super::{Current, Request, Response};
use crate::document::Document;

/// The entity tag of a version of a connector.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The entity tag of a response about a version. One without the secrets is another representation: who
/// is given the right to see them is not told that nothing has changed.
pub fn etag_of(response: &Response, version: u64) -> String {
    match response.is_masked {
        true => format!("\"{version}-masked\""),
        false => etag(version),
    }
}

/// The versions that a request may meet. Without the headers: any, and none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Precondition {
    /// The precondition that the headers of a request state.
    pub fn of(request: &Request) -> Self {
        let Request { if_match, if_none_match, .. } = request;
        Self { if_match: if_match.clone(), if_none_match: if_none_match.clone() }
    }

    /// Whether any version may be met, and none.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks whether a write to the document, as it is now, may go ahead.
    ///
    /// # Errors
    /// 412, saying what the caller has missed.
    pub(super) fn check<D: Document>(
        &self,
        id: &str,
        now: Option<&Current<'_, D>>,
    ) -> Result<(), ApiError> {
        let is_hidden = now.is_some_and(|now| now.document.is_hidden());
        self.check_version(D::NOUN, id, now.map(|now| now.version), is_hidden)
    }

    /// Checks whether a connector may be put back over the version that is there.
    ///
    /// # Errors
    /// 412, saying what the caller has missed.
    pub fn check_restoration(&self, id: &str, now: Option<u64>) -> Result<(), ApiError> {
        self.check_version("connector", id, now, false)
    }

    fn check_version(
        &self,
        noun: &str,
        id: &str,
        now: Option<u64>,
        is_hidden: bool,
    ) -> Result<(), ApiError> {
        let tag = now.map(etag);
        let conflict = |what: String| Err(ApiError::version_conflict(id, &what));
        match (&self.if_match, &tag) {
            (Some(seen), None) => {
                return conflict(format!(
                    "If-Match is [{seen}] but there is no such {noun}: it was never created, or \
                     has been erased"
                ));
            }
            (Some(seen), Some(tag)) if !names(seen, tag) => {
                return conflict(format!(
                    "If-Match is [{seen}] but the {noun} is at [{tag}]: read it again and \
                     retry"
                ));
            }
            _ => {}
        }
        match (&self.if_none_match, &tag) {
            (Some(seen), Some(tag)) if names(seen, tag) => conflict(format!(
                "If-None-Match is [{seen}] but there is a {noun} with this id at [{tag}]{}",
                match is_hidden {
                    true =>
                        ", which is soft-deleted: ?include_deleted shows it, DELETE with ?hard \
                             erases it",
                    false => "",
                }
            )),
            _ => Ok(()),
        }
    }

    /// Whether the caller of a GET has this version already: then 304 is all it needs.
    pub fn is_not_modified(&self, tag: &str) -> bool {
        self.if_none_match.as_deref().is_some_and(|seen| names(seen, tag))
    }
}

/// Proxies that compress responses mark tags as weak: `W/"5"` is `"5"` here.
fn names(header: &str, tag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|seen| seen == "*" || seen.strip_prefix("W/").unwrap_or(seen) == tag)
}
