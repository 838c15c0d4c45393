//! A cluster behind the Worker, where the setting `ORIGIN` names one: what is not ours goes there and
//! back as it is, and who has no key of ours may have one there. Keys of ours stay here, and so does what
//! Cloudflare Access adds to a request.

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{Env, Fetch, Method, RequestInit, RequestRedirect, console_error};

use super::auth;
use super::known::{CLUSTER_MEMORY_MS, KEY_MEMORY_MS};
use super::runtime::{
    Body, HttpResponse, Incoming, JsResult, RawRequest, client_address, cookies, describe, forward,
    now_millis, proxy_headers, timeout,
};
use super::settings::ClusterSetting;
use super::{Memory, log, metrics, settled};
use crate::api::{
    ACCESS_HEADERS, ApiError, AuthError, Caller, Cause, Format, PRIVILEGES_REQUEST, SCROLL_PREFIX,
    foreign_fingerprint, is_ours, may_scroll, without_access_cookies,
};
use crate::limits::SCROLL_BYTES;
use crate::values::json::parse_object;

/// The two paths that both have: whose they are depends on whose the key is.
const ROOT: &str = "/";
const AUTHENTICATE: &str = "/_security/_authenticate";
const HAS_PRIVILEGES: &str = "/_security/user/_has_privileges";
/// How much is read of a body to find out whose search it goes on with: several ids of ours.
const SCROLL_BODY_BYTES: usize = 8 * SCROLL_BYTES;
/// How long to wait for what the cluster says about somebody.
const LIMIT: Duration = Duration::from_secs(2);

/// Is the request for the cluster alone, where there is one?
pub(super) fn is_foreign(incoming: &Incoming) -> bool {
    let target = &incoming.request.target;
    has_cluster(incoming) && !is_ours(target) && path(target) != AUTHENTICATE
}

/// Whether the request goes on with a search that was asked here, rather than in the cluster: its scroll id
/// says so, in the path or in the body.
pub(super) async fn scrolls_here(incoming: &Incoming, raw: &RawRequest) -> bool {
    let Incoming { request, authorization, .. } = incoming;
    if !may_scroll(&request.target) {
        return false;
    }
    if request.target.contains(SCROLL_PREFIX) {
        return true;
    }
    // The body of somebody unknown is the cluster's to read.
    let (Some(body), Ok(copy)) = (Body::of(raw), raw.clone()) else { return false };
    if authorization.is_empty() {
        return false;
    }
    let is_ours = |body: Result<String, ApiError>| {
        Ok(body.is_ok_and(|body| body.contains(&format!("\"{SCROLL_PREFIX}"))).into())
    };
    let Ok(read) = body.read(&copy, SCROLL_BODY_BYTES, is_ours) else { return false };
    settled(read).await.is_ok_and(|is_ours| is_ours.is_truthy())
}

/// Is there a cluster, or is there meant to be one?
fn has_cluster(incoming: &Incoming) -> bool {
    !matches!(incoming.settings.cluster, ClusterSetting::Absent)
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

/// Which product this is, and who is asking, the cluster says itself to those who have no key of ours.
pub(super) async fn is_for_cluster(
    incoming: &Incoming,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> bool {
    let path = path(&incoming.request.target);
    match (has_cluster(incoming), path) {
        (true, ROOT | AUTHENTICATE) => {}
        _ => return false,
    }
    if incoming.authorization.is_empty() {
        return path == ROOT;
    }
    match auth::with_key(incoming, env, context, memory).await {
        Ok(caller) => caller.is_external(),
        Err(denied) => denied.is_unknown(),
    }
}

/// Sends on what is for the cluster alone, unless it comes with a key of ours.
pub(super) async fn pass_through(
    incoming: &Incoming,
    raw: &RawRequest,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> JsResult {
    if let Err(denied) = keep_own_keys(incoming, env, context, memory).await {
        log::refusal(&denied, &incoming.request, incoming.request_id());
        memory.counters.count(metrics::REFUSED, denied.why);
        memory.counters.report(env).await;
        return refuse(incoming, &denied.failure);
    }
    pass_on(incoming, raw, env, memory).await
}

/// Refuses a request that comes with a key of ours, right or wrong: the cluster would get to see it.
async fn keep_own_keys(
    incoming: &Incoming,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<(), AuthError> {
    let Incoming { authorization, .. } = incoming;
    let fingerprint = || foreign_fingerprint(authorization);
    if authorization.is_empty() || memory.strangers.get(fingerprint).is_some() {
        return Ok(());
    }
    let asked_at = now_millis();
    match auth::with_key(incoming, env, context, memory).await {
        Ok(caller) if caller.is_external() => Ok(()),
        Ok(caller) => Err(caller.not_for_cluster()),
        Err(denied) if denied.is_unknown() => {
            memory.strangers.remember(fingerprint(), (), asked_at + KEY_MEMORY_MS);
            Ok(())
        }
        Err(denied) => Err(denied),
    }
}

/// Sends a request on.
pub(super) async fn pass_on(
    incoming: &Incoming,
    raw: &RawRequest,
    env: &Env,
    memory: &Memory,
) -> JsResult {
    let Incoming { host, request, .. } = incoming;
    let cluster = match cluster(incoming) {
        Ok(cluster) => cluster,
        Err(error) => return refuse(incoming, &error),
    };
    let (via, forwarded_for) = proxy_headers(raw);
    // What this service is called in `Via` (RFC 9110, 7.6.3).
    let here = format!("1.1 {host} (connector-status)");
    if via.split(',').any(|hop| hop.trim() == here) {
        let reason = format!("[ORIGIN] leads from [{host}] back to it, instead of to a cluster");
        let error = ApiError::of(508, Cause::new("loop_detected_exception", reason));
        return refuse(incoming, &error);
    }
    let (via, forwarded_for) = (listed(&via, &here), listed(&forwarded_for, &client_address(raw)));
    let cookies = without_access_cookies(&cookies(raw));
    let present = |text: &'static str, value: &str| (text, Some(value.to_owned()));
    let mut headers = vec![present("via", &via)];
    headers.extend((!forwarded_for.is_empty()).then(|| present("x-forwarded-for", &forwarded_for)));
    headers.push(("cookie", cookies));
    headers.extend(ACCESS_HEADERS.map(|name| (name, None)));
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    let url = format!("{cluster}{}", request.target);
    match forward(raw, &url, &headers).await {
        Ok(response) => Ok(response),
        Err(thrown) => {
            // The error may name the URL, and its query is nobody's concern.
            let why = describe(&thrown);
            let why = if why.contains(&url) { "it cannot be asked" } else { &why };
            console_error!("the cluster cannot be reached: {why}");
            memory.counters.count(metrics::CLUSTER_FAILURES, "");
            memory.counters.report(env).await;
            refuse(incoming, &ApiError::unavailable("the cluster behind this service"))
        }
    }
}

/// A list in a header, and one more.
fn listed(list: &str, one: &str) -> String {
    match (list, one) {
        ("", one) => one.to_owned(),
        (list, "") => list.to_owned(),
        (list, one) => format!("{list}, {one}"),
    }
}

fn refuse(incoming: &Incoming, error: &ApiError) -> JsResult {
    let format = Format::default();
    let response = HttpResponse::new(format.failure(error), &format);
    response.opaque_id(incoming.opaque_id.clone()).for_method(&incoming.request.method).send()
}

/// The address of the cluster.
///
/// # Errors
/// 503 if the setting is no address.
fn cluster(incoming: &Incoming) -> Result<&str, ApiError> {
    match &incoming.settings.cluster {
        ClusterSetting::At(address) => Ok(address),
        ClusterSetting::Absent | ClusterSetting::Malformed => {
            let reason = "the setting [ORIGIN] is not the address of a cluster, such as \
                          [https://cluster.example:9200]";
            console_error!("{reason}");
            Err(ApiError::of(503, Cause::new("unavailable_exception", reason)))
        }
    }
}

/// Asks the cluster whose credentials these are, and what for.
///
/// # Errors
/// 401 if it does not know them, 503 if it does not say.
pub(super) async fn authenticate(
    incoming: &Incoming,
    memory: &Memory,
) -> Result<Caller, AuthError> {
    let authorization = &incoming.authorization;
    let unsaid = |error| AuthError::of(error, "the cluster does not say", None);
    let cluster = cluster(incoming).map_err(unsaid)?;
    let asked_at = now_millis();
    let asked = timeout(LIMIT, async {
        let who = ask(&format!("{cluster}{AUTHENTICATE}"), authorization, None).await?;
        if who.status != 200 {
            return Ok((who, None));
        }
        let url = format!("{cluster}{HAS_PRIVILEGES}");
        let privileges = ask(&url, authorization, Some(PRIVILEGES_REQUEST)).await?;
        Ok::<_, worker::Error>((who, Some(privileges)))
    });
    let why = match asked.await {
        Some(Ok((who, Some(privileges)))) if privileges.status == 200 => {
            let fields = parse_object(&who.text).ok().zip(parse_object(&privileges.text).ok());
            let caller = fields.and_then(|(who, rights)| Caller::of_cluster(&who, &rights));
            match caller {
                Some(caller) => {
                    let fingerprint = foreign_fingerprint(authorization);
                    let until = asked_at + CLUSTER_MEMORY_MS;
                    memory.known.remember(fingerprint, caller.clone(), until);
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
        Some(Err(error)) => error.to_string(),
        None => format!("no answer within {} s", LIMIT.as_secs()),
    };
    console_error!("the cluster does not say who is asking: {why}");
    let error =
        ApiError::unavailable("the cluster behind this service, which may know these credentials,");
    Err(unsaid(error))
}

/// The cluster's answer to a question of ours.
struct ClusterReply {
    status: u16,
    /// The body of a success.
    text: String,
}

/// Asks something in the name of whoever has these credentials.
async fn ask(
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
