//! Authenticates requests: reads keys and settings. The rules are in [`crate::api`].

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{Env, console_error};

use super::credential_cache::{KEY_CACHE_SECONDS, KEY_TTL_MS};
use super::runtime::{self, Kv, RequestHead, describe, now_millis, timeout};
use super::settings::ClusterSetting;
use super::{Memory, cluster, cors, key_use};
use crate::api::{
    ApiError, AuthError, Caller, Credentials, Key, Privilege, Ticket, foreign_fingerprint,
};

/// The KV namespace of keys, by id.
pub(super) const KEYS: &str = "API_KEYS";
const KEY_TIMEOUT: Duration = Duration::from_secs(2);
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Authenticates a request with its key or, if there is a cluster, with the cluster's credentials. Without an
/// Authorization header, ticket or sign-in this awaits nothing.
///
/// # Errors
/// 401 for unknown credentials, 421 for an anonymous request to an unknown host, 503 if Workers KV or the
/// cluster does not answer.
pub(super) async fn authenticate(
    head: &RequestHead,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<Caller, AuthError> {
    match with_key(head, env, context, memory).await {
        Err(error) if error.is_unknown() => match head.settings.cluster {
            ClusterSetting::Absent => Err(error),
            _ => cluster::authenticate(head, memory).await,
        },
        other => other,
    }
}

/// Authenticates a request with its key, without credentials, or with cached credentials of the cluster.
/// `context`: the runtime's `ExecutionContext`.
pub(super) async fn with_key(
    head: &RequestHead,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<Caller, AuthError> {
    let RequestHead { settings, authorization, request, .. } = head;
    if authorization.is_empty() {
        if let Some(ticket) = Ticket::of(request) {
            return with_ticket(&ticket?, &settings.root, env).await;
        }
        if let Some(caller) = signed_in(head, context).await? {
            return Ok(caller);
        }
        let privilege = anonymous(head);
        if privilege > Privilege::None && !is_known_host(head) {
            return Err(AuthError::misdirected(&head.host));
        }
        return Caller::anonymous(privilege, &request.target);
    }
    let credentials = Credentials::parse(authorization);
    let cached = match &credentials {
        Ok(credentials) => memory.callers.get(|| credentials.fingerprint()),
        Err(_) => None,
    };
    let cached = cached.or_else(|| match settings.cluster {
        ClusterSetting::Absent => None,
        _ => memory.callers.get(|| foreign_fingerprint(authorization)),
    });
    if let Some(caller) = cached {
        return Ok(caller);
    }
    let credentials = credentials?;
    if let Some(caller) = credentials.open_root(&settings.root) {
        return Ok(caller);
    }
    let read_at = now_millis();
    let key = key(env, credentials.id()).await.map_err(keys_unavailable)?;
    let caller = credentials.open(key.as_ref(), &settings.root, now_millis())?;
    let until = (read_at + KEY_TTL_MS).min(caller.expiration().unwrap_or(u64::MAX));
    memory.callers.insert(credentials.fingerprint(), caller.clone(), until);
    if memory.keys_used_today.insert(credentials.id()) {
        let record = key_use::record(env.clone(), credentials.id().to_owned());
        runtime::after_response(context, record);
    }
    Ok(caller)
}

/// The user who has signed in through Cloudflare Access, unless `ACCESS_PRIVILEGE` grants nothing. A key takes
/// precedence over sign-in.
async fn signed_in(head: &RequestHead, context: &JsValue) -> Result<Option<Caller>, AuthError> {
    let RequestHead { settings, request, .. } = head;
    if settings.access == Privilege::None {
        return Ok(None);
    }
    let email = runtime::access_email(context).await.map_err(|why| {
        console_error!("Cloudflare Access does not say who is asking: {why}");
        let error = ApiError::unavailable("Cloudflare Access");
        AuthError::of(error, "Cloudflare Access does not say", None)
    })?;
    let Some(email) = email else { return Ok(None) };
    let is_own_page = is_own_page(head);
    let emails = &settings.access_emails;
    Caller::signed_in(&email, settings.access, emails, &request.method, is_own_page).map(Some)
}

async fn with_ticket(ticket: &Ticket, root: &str, env: &Env) -> Result<Caller, AuthError> {
    if let Some(opened) = ticket.open_root(root, now_millis()) {
        return opened;
    }
    let key = key(env, &ticket.key).await.map_err(keys_unavailable)?;
    ticket.open(key.as_ref(), root, now_millis())
}

fn keys_unavailable(why: String) -> AuthError {
    console_error!("{KEYS} cannot be read: {why}");
    AuthError::of(ApiError::unavailable("Workers KV"), "keys cannot be read", None)
}

/// The privilege of a request without a key. Pages of other sites may only read: their visitors' network may
/// have access to a Worker that the site itself cannot reach.
fn anonymous(head: &RequestHead) -> Privilege {
    let privilege = head.settings.anonymous;
    let is_read = matches!(head.request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if privilege <= Privilege::Monitor || is_read || !is_foreign_page(head) {
        return privilege;
    }
    Privilege::Monitor
}

/// Whether a page of another site sent the request. Pages cannot forge these headers.
fn is_foreign_page(head: &RequestHead) -> bool {
    let is_foreign = has_foreign_origin(head)
        || matches!(head.sec_fetch_site.as_str(), "cross-site" | "same-site");
    is_foreign && cors::allowed_origin(head).is_none()
}

/// Whether the page that opens a WebSocket must be refused. Browsers let any page open one to any server, so
/// the server must check the origin. For signed-in users, whom the browser authenticates, only our own pages
/// are allowed.
pub(super) fn is_foreign_watcher(head: &RequestHead, caller: &Caller) -> bool {
    if caller.is_signed_in() {
        !is_own_page(head)
    } else {
        has_foreign_origin(head) && cors::allowed_origin(head).is_none()
    }
}

/// Whether the request comes from a page of this service.
fn is_own_page(head: &RequestHead) -> bool {
    head.origin == format!("{}://{}", head.scheme, head.host)
}

fn has_foreign_origin(head: &RequestHead) -> bool {
    let is_own = head.origin.split_once("://").is_some_and(|(_, host)| host == head.host);
    !head.origin.is_empty() && !is_own
}

/// Prevents DNS rebinding: to a browser, a page whose host name resolves to this address has the same origin.
/// So requests without a key must use a host name that is known to be ours.
fn is_known_host(head: &RequestHead) -> bool {
    let host = head.host.as_str();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let matches =
        |known: &str| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host);
    LOCAL_HOSTS.into_iter().any(matches)
        || head
            .settings
            .allowed_hosts
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || matches(known))
}

pub(super) async fn key(env: &Env, id: &str) -> Result<Option<Key>, String> {
    let keys = Kv::of(env, KEYS).map_err(|thrown| describe(&thrown))?;
    match timeout(KEY_TIMEOUT, keys.get_cached(id, KEY_CACHE_SECONDS)).await {
        Some(Ok(found)) => Ok(found.and_then(|json| {
            Key::from_json(&json)
                .inspect_err(|problem| console_error!("{KEYS}: [{id}] is no key: {problem}"))
                .ok()
        })),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} s", KEY_TIMEOUT.as_secs())),
    }
}
