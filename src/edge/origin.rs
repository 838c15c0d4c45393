//! A cluster behind the Worker, where the setting `ORIGIN` names one: what is not ours goes there and
//! back as it is, and who has no key of ours may have one there.

use std::time::Duration;

use worker::console_error;

use super::known::{CLUSTER_MEMORY_MS, KnownCallers};
use super::runtime::{
    HttpResponse, Incoming, JsResult, RawRequest, ask, describe, forward, now_millis, timeout,
};
use crate::api::{ApiError, AuthError, Caller, Cause, Format, PRIVILEGES_QUESTION, is_ours};
use crate::values::json::parse_object;

/// The two paths that both have: whose they are depends on whose the key is.
const ROOT: &str = "/";
const AUTHENTICATE: &str = "/_security/_authenticate";
const HAS_PRIVILEGES: &str = "/_security/user/_has_privileges";
/// How long to wait for what the cluster says about somebody.
const LIMIT: Duration = Duration::from_secs(2);

/// Is the path the cluster's alone?
pub(super) fn is_foreign(target: &str) -> bool {
    !is_ours(target) && path(target) != AUTHENTICATE
}

/// Is it a path that both have?
pub(super) fn is_shared(target: &str) -> bool {
    matches!(path(target), ROOT | AUTHENTICATE)
}

/// Is it the one of them that says who somebody is?
pub(super) fn is_about_caller(target: &str) -> bool {
    path(target) == AUTHENTICATE
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Sends a request on, and gives a promise of the cluster's response.
///
/// # Errors
/// If the runtime fails.
pub(super) fn pass_on(incoming: &Incoming, raw: &RawRequest) -> JsResult {
    let Incoming { cluster, host, via, forwarded_for, address, request, .. } = incoming;
    // What this service is called in `Via` (RFC 9110, 7.6.3).
    let here = format!("1.1 {host} (connector-status)");
    if via.split(',').any(|hop| hop.trim() == here) {
        let reason = format!("[ORIGIN] leads from [{host}] back to it, instead of to a cluster");
        let error = ApiError::of(508, Cause::new("loop_detected_exception", reason));
        let format = Format::default();
        let response = HttpResponse::new(format.failure(&error), &format);
        return response.for_method(&request.method).send();
    }
    let listed = |list: &str, one: &str| match (list, one) {
        ("", one) => one.to_owned(),
        (list, "") => list.to_owned(),
        (list, one) => format!("{list}, {one}"),
    };
    let url = url(cluster, &request.target);
    forward(raw, &url, &listed(via, &here), &listed(forwarded_for, address))
}

/// Asks the cluster whose credentials these are, and what for.
///
/// # Errors
/// 401 if it does not know them, 503 if it does not say.
pub(super) async fn authenticate(
    incoming: &Incoming,
    known: &KnownCallers,
) -> Result<Caller, AuthError> {
    let Incoming { cluster, authorization, .. } = incoming;
    let asked_at = now_millis();
    let asked = timeout(LIMIT, async {
        let who = ask(&url(cluster, AUTHENTICATE), authorization, None).await?;
        if who.status != 200 {
            return Ok((who, None));
        }
        let question = Some(PRIVILEGES_QUESTION);
        let privileges = ask(&url(cluster, HAS_PRIVILEGES), authorization, question).await?;
        Ok((who, Some(privileges)))
    });
    let why = match asked.await {
        Some(Ok((who, Some(privileges)))) if privileges.status == 200 => {
            let fields = parse_object(&who.text).ok().zip(parse_object(&privileges.text).ok());
            let caller = fields.and_then(|(who, rights)| Caller::of_cluster(&who, &rights));
            match caller {
                Some(caller) => {
                    known.remember(authorization, &caller, asked_at, CLUSTER_MEMORY_MS);
                    return Ok(caller);
                }
                None => "it answers something else".to_owned(),
            }
        }
        Some(Ok((who, _))) if who.status == 401 => {
            return Err(AuthError::rejected("unknown to the cluster", None));
        }
        Some(Ok((who, privileges))) => {
            let status = privileges.map_or(who.status, |privileges| privileges.status);
            format!("it answers {status}")
        }
        Some(Err(thrown)) => describe(&thrown),
        None => format!("no answer within {} s", LIMIT.as_secs()),
    };
    console_error!("the cluster does not say who is asking: {why}");
    let error =
        ApiError::unavailable("the cluster behind this service, which may know these credentials,");
    Err(AuthError::of(error, "the cluster does not say", None))
}

fn url(cluster: &str, target: &str) -> String {
    format!("{}{target}", cluster.trim_end_matches('/'))
}
