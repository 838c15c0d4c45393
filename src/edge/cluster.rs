//! The Elasticsearch cluster behind the Worker, if the setting `ORIGIN` names one. Requests for other APIs are
//! forwarded to it unchanged, and callers may use its credentials instead of a key of ours. It never gets our keys,
//! or what Cloudflare Access adds to a request.

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{Env, Fetch, Method, RequestInit, RequestRedirect, console_error};

use super::auth;
use super::credential_cache::{CLUSTER_TTL_MS, KEY_TTL_MS};
use super::runtime::{
    Body, HttpResponse, JsResult, RawRequest, RequestHead, client_address, cookies, describe,
    now_millis, proxy_headers, timeout,
};
use super::settings::ClusterSetting;
use super::{Memory, log, metrics, resolved, runtime};
use crate::api::{
    ACCESS_HEADERS, ApiError, AuthError, Caller, Cause, Format, PRIVILEGES_REQUEST, SCROLL_PREFIX,
    foreign_fingerprint, is_ours, may_scroll, without_access_cookies,
};
use crate::limits::SCROLL_BYTES;
use crate::values::json::parse_object;

/// Both services have these two paths. The credentials decide which one answers.
const ROOT: &str = "/";
const AUTHENTICATE: &str = "/_security/_authenticate";
const HAS_PRIVILEGES: &str = "/_security/user/_has_privileges";
/// How much of a body is read to find out whose scroll ids it contains: enough for several ids.
const SCROLL_BODY_BYTES: usize = 8 * SCROLL_BYTES;
/// Timeout for authentication by the cluster.
const AUTHENTICATE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether only the cluster, if there is one, serves this path.
pub(super) fn is_foreign(head: &RequestHead) -> bool {
    let target = &head.request.target;
    has_cluster(head) && !is_ours(target) && path(target) != AUTHENTICATE
}

/// Whether the request continues a search of this service, according to the scroll id in its path or body.
pub(super) async fn scrolls_here(head: &RequestHead, raw: &RawRequest) -> bool {
    let RequestHead { request, authorization, .. } = head;
    if !may_scroll(&request.target) {
        return false;
    }
    if request.target.contains(SCROLL_PREFIX) {
        return true;
    }
    // Bodies of anonymous requests are not read here.
    let (Some(body), Ok(copy)) = (Body::of(raw), raw.clone()) else { return false };
    if authorization.is_empty() {
        return false;
    }
    let is_ours = |body: Result<String, ApiError>| {
        Ok(body.is_ok_and(|body| body.contains(&format!("\"{SCROLL_PREFIX}"))).into())
    };
    let Ok(read) = body.read(&copy, SCROLL_BODY_BYTES, is_ours) else { return false };
    resolved(read).await.is_ok_and(|is_ours| is_ours.is_truthy())
}

/// Whether `ORIGIN` is set, even if it is malformed.
fn has_cluster(head: &RequestHead) -> bool {
    !matches!(head.settings.cluster, ClusterSetting::Absent)
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Whether the cluster answers a request to one of the shared paths: it does if the credentials are not ours.
pub(super) async fn is_for_cluster(
    head: &RequestHead,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> bool {
    let path = path(&head.request.target);
    match (has_cluster(head), path) {
        (true, ROOT | AUTHENTICATE) => {}
        _ => return false,
    }
    if head.authorization.is_empty() {
        return path == ROOT;
    }
    match auth::with_key(head, env, context, memory).await {
        Ok(caller) => caller.is_external(),
        Err(denied) => denied.is_unknown(),
    }
}

/// Forwards a request for the cluster, unless it has a key of ours.
pub(super) async fn pass_through(
    head: &RequestHead,
    raw: &RawRequest,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> JsResult {
    if let Err(denied) = keep_own_keys(head, env, context, memory).await {
        log::refusal(&denied, &head.request, head.request_id());
        memory.counters.count(metrics::REFUSED, denied.why);
        memory.counters.report(env).await;
        return refuse(head, &denied.failure);
    }
    forward(head, raw, env, memory).await
}

/// Refuses a request with a key of ours, valid or not, so that the cluster does not get it.
async fn keep_own_keys(
    head: &RequestHead,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<(), AuthError> {
    let RequestHead { authorization, .. } = head;
    let fingerprint = || foreign_fingerprint(authorization);
    if authorization.is_empty() || memory.foreign_credentials.get(fingerprint).is_some() {
        return Ok(());
    }
    let checked_at = now_millis();
    match auth::with_key(head, env, context, memory).await {
        Ok(caller) if caller.is_external() => Ok(()),
        Ok(caller) => Err(caller.not_for_cluster()),
        Err(denied) if denied.is_unknown() => {
            memory.foreign_credentials.insert(fingerprint(), (), checked_at + KEY_TTL_MS);
            Ok(())
        }
        Err(denied) => Err(denied),
    }
}

/// Forwards a request.
pub(super) async fn forward(
    head: &RequestHead,
    raw: &RawRequest,
    env: &Env,
    memory: &Memory,
) -> JsResult {
    let RequestHead { host, request, .. } = head;
    let cluster = match cluster_url(head) {
        Ok(cluster) => cluster,
        Err(error) => return refuse(head, &error),
    };
    let (via, forwarded_for) = proxy_headers(raw);
    // This service's entry in `Via` (RFC 9110, 7.6.3).
    let here = format!("1.1 {host} (connector-status)");
    if via.split(',').any(|hop| hop.trim() == here) {
        let reason = format!("[ORIGIN] leads from [{host}] back to it, instead of to a cluster");
        let error = ApiError::of(508, Cause::new("loop_detected_exception", reason));
        return refuse(head, &error);
    }
    let forwarded_for = append(&forwarded_for, &client_address(raw));
    let via = append(&via, &here);
    let cookies = without_access_cookies(&cookies(raw));
    let present = |text: &'static str, value: &str| (text, Some(value.to_owned()));
    let mut headers = vec![present("via", &via)];
    headers.extend((!forwarded_for.is_empty()).then(|| present("x-forwarded-for", &forwarded_for)));
    headers.push(("cookie", cookies));
    headers.extend(ACCESS_HEADERS.map(|name| (name, None)));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    let url = format!("{cluster}{}", request.target);
    match runtime::forward(raw, &url, &headers).await {
        Ok(response) => Ok(response),
        Err(thrown) => {
            // The error may contain the URL, whose query must not be logged.
            let why = describe(&thrown);
            let why = if why.contains(&url) { "it cannot be asked" } else { &why };
            console_error!("the cluster cannot be reached: {why}");
            memory.counters.count(metrics::CLUSTER_FAILURES, "");
            memory.counters.report(env).await;
            refuse(head, &ApiError::unavailable("the cluster behind this service"))
        }
    }
}

/// Appends an item to a comma-separated header.
fn append(list: &str, item: &str) -> String {
    match (list, item) {
        ("", item) => item.to_owned(),
        (list, "") => list.to_owned(),
        (list, item) => format!("{list}, {item}"),
    }
}

fn refuse(head: &RequestHead, error: &ApiError) -> JsResult {
    let format = Format::default();
    let response = HttpResponse::new(format.failure(error), &format);
    response.opaque_id(head.opaque_id.clone()).for_method(&head.request.method).send()
}

/// # Errors
/// 503 if the setting is not a URL.
fn cluster_url(head: &RequestHead) -> Result<&str, ApiError> {
    match &head.settings.cluster {
        ClusterSetting::At(address) => Ok(address),
        ClusterSetting::Absent | ClusterSetting::Malformed => {
            let reason = "the setting [ORIGIN] is not the address of a cluster, such as \
                          [https://cluster.example:9200]";
            console_error!("{reason}");
            Err(ApiError::of(503, Cause::new("unavailable_exception", reason)))
        }
    }
}

/// Asks the cluster who the caller is, and which privileges it has.
///
/// # Errors
/// 401 if the cluster rejects the credentials, 503 if it does not answer.
pub(super) async fn authenticate(head: &RequestHead, memory: &Memory) -> Result<Caller, AuthError> {
    let authorization = &head.authorization;
    let unavailable = |error| AuthError::of(error, "the cluster does not say", None);
    let cluster = cluster_url(head).map_err(unavailable)?;
    let sent_at = now_millis();
    let replies = timeout(AUTHENTICATE_TIMEOUT, async {
        let user = send(&format!("{cluster}{AUTHENTICATE}"), authorization, None).await?;
        if user.status != 200 {
            return Ok((user, None));
        }
        let url = format!("{cluster}{HAS_PRIVILEGES}");
        let privileges = send(&url, authorization, Some(PRIVILEGES_REQUEST)).await?;
        Ok::<_, worker::Error>((user, Some(privileges)))
    });
    let why = match replies.await {
        Some(Ok((user, Some(privileges)))) if privileges.status == 200 => {
            let fields = parse_object(&user.text).ok().zip(parse_object(&privileges.text).ok());
            let caller = fields.and_then(|(user, rights)| Caller::of_cluster(&user, &rights));
            match caller {
                Some(caller) => {
                    let fingerprint = foreign_fingerprint(authorization);
                    let until = sent_at + CLUSTER_TTL_MS;
                    memory.callers.insert(fingerprint, caller.clone(), until);
                    return Ok(caller);
                }
                None => "it answers something else".to_owned(),
            }
        }
        Some(Ok((user, _))) if user.status == 401 => {
            return Err(AuthError::rejected("unknown to the cluster", None));
        }
        Some(Ok((user, privileges))) => {
            let status = privileges.map_or(user.status, |privileges| privileges.status);
            format!("it answers {status}")
        }
        Some(Err(error)) => error.to_string(),
        None => format!("no answer within {} s", AUTHENTICATE_TIMEOUT.as_secs()),
    };
    console_error!("the cluster does not say who is asking: {why}");
    let error =
        ApiError::unavailable("the cluster behind this service, which may know these credentials,");
    Err(unavailable(error))
}

struct ClusterReply {
    status: u16,
    /// The body; empty unless the status is 200.
    text: String,
}

/// Sends a request with the caller's credentials.
async fn send(
    url: &str,
    authorization: &str,
    body: Option<&str>,
) -> Result<ClusterReply, worker::Error> {
    let mut init = RequestInit::new();
    init.with_method(if body.is_some() { Method::Post } else { Method::Get })
        .with_redirect(RequestRedirect::Manual)
        .with_body(body.map(JsValue::from));
    init.headers.set("authorization", authorization)?;
    init.headers.set("accept", "application/json")?;
    init.headers.set("content-type", "application/json")?;
    let request = worker::Request::new_with_init(url, &init)?;
    let mut response = Fetch::Request(request).send().await?;
    let status = response.status_code();
    let text = if status == 200 { response.text().await? } else { String::new() };
    Ok(ClusterReply { status, text })
}
