//! `ETag`, `If-Match`, `If-None-Match`: a caller acts on what it has seen.

use super::error::ApiError;

/// The entity tag of a version of a connector.
pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// May a write go ahead?
///
/// # Errors
/// 412 if the header names other versions only.
pub fn if_match(header: Option<&str>, id: &str, now: &str) -> Result<(), ApiError> {
    match header {
        Some(seen) if !names(seen, now) => Err(ApiError::moved_on(id, seen, now)),
        _ => Ok(()),
    }
}

/// Has the caller seen this version already? Then 304 is all the answer it needs.
pub fn if_none_match(header: Option<&str>, now: &str) -> bool {
    header.is_some_and(|seen| names(seen, now))
}

/// Proxies that compress answers mark tags as weak: `W/"5"` is `"5"` here.
fn names(header: &str, tag: &str) -> bool {
    header
        .split(',')
        .map(str::trim)
        .any(|seen| seen == "*" || seen.strip_prefix("W/").unwrap_or(seen) == tag)
}
