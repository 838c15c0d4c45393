//! Conditional requests: `ETag`, `If-Match`, `If-None-Match` (RFC 9110, section 13).

use super::error::ApiError;
use super::{Current, Request, Response};
use crate::document::Document;

/// The entity tag of a version of a connector.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// The entity tag of a response. A response with masked secrets has another one: a caller who is granted
/// access to the secrets must not get 304 for the masked representation.
pub fn etag_of(response: &Response, version: u64) -> String {
    if response.is_masked { format!("\"{version}-masked\"") } else { etag(version) }
}

/// The `If-Match` and `If-None-Match` headers of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

impl Precondition {
    pub fn of(request: &Request) -> Self {
        let Request { if_match, if_none_match, .. } = request;
        Self { if_match: if_match.clone(), if_none_match: if_none_match.clone() }
    }

    /// Whether the request has neither header.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the precondition of a write against the current document. Rejects the write with 412.
    pub(super) fn check<D: Document>(
        &self,
        id: &str,
        now: Option<&Current<'_, D>>,
    ) -> Result<(), ApiError> {
        let is_hidden = now.is_some_and(|now| now.document.is_hidden());
        self.check_version(D::NOUN, id, now.map(|now| now.version), is_hidden)
    }

    /// Checks the precondition of a restore against the current version. Rejects the restore with 412.
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
            (Some(seen), Some(tag)) if !lists(seen, tag) => {
                return conflict(format!(
                    "If-Match is [{seen}] but the {noun} is at [{tag}]: read it again and \
                     retry"
                ));
            }
            _ => {}
        }
        match (&self.if_none_match, &tag) {
            (Some(seen), Some(tag)) if lists(seen, tag) => conflict(format!(
                "If-None-Match is [{seen}] but there is a {noun} with this id at [{tag}]{}",
                if is_hidden {
                    ", which is soft-deleted: ?include_deleted shows it, DELETE with ?hard erases it"
                } else {
                    ""
                }
            )),
            _ => Ok(()),
        }
    }

    /// Whether a GET may be answered with 304, because the caller has this version.
    pub fn is_not_modified(&self, tag: &str) -> bool {
        self.if_none_match.as_deref().is_some_and(|seen| lists(seen, tag))
    }
}

/// Whether a header lists the tag. Proxies that compress responses weaken tags, so `W/"5"` matches `"5"`.
fn lists(header: &str, tag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|seen| seen == "*" || seen.strip_prefix("W/").unwrap_or(seen) == tag)
}
