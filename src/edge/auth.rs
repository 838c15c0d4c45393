//! Who is asking. The rules are in [`crate::api`]; here is where keys and settings come from.

use std::time::Duration;

use wasm_bindgen::JsValue;
use worker::{Env, console_error};

use super::known::{KEY_CACHE_SECONDS, KEY_MEMORY_MS};
use super::runtime::{self, Incoming, Kv, describe, now_millis, timeout};
use super::settings::ClusterSetting;
use super::{Memory, cors, key_use, origin};
use crate::api::{
    ApiError, AuthError, Caller, Credentials, Key, Privilege, Ticket, foreign_fingerprint,
};

/// The namespace of keys, each under its id.
pub(super) const KEYS: &str = "API_KEYS";
/// How long to wait for Workers KV to say whether there is such a key.
const KEY_LIMIT: Duration = Duration::from_secs(2);
/// This machine's own names.
const LOCAL_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Finds out who is asking: somebody with a key of ours, or whom the cluster knows, if there is one.
/// Without an Authorization header that awaits nothing.
///
/// # Errors
/// 401 for somebody unknown, 421 for somebody anonymous who asks for another host, 503 if Workers KV
/// or the cluster does not say.
pub(super) async fn authenticate(
    incoming: &Incoming,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<Caller, AuthError> {
    match with_key(incoming, env, context, memory).await {
        Err(denied) if denied.is_unknown() => match incoming.settings.cluster {
            ClusterSetting::Absent => Err(denied),
            _ => origin::authenticate(incoming, memory).await,
        },
        other => other,
    }
}

/// Finds out who is asking, of those with a key of ours, those without any, and those whom the cluster
/// has known lately. `context` is what the runtime gives beside a request.
pub(super) async fn with_key(
    incoming: &Incoming,
    env: &Env,
    context: &JsValue,
    memory: &Memory,
) -> Result<Caller, AuthError> {
    let Incoming { settings, authorization, request, .. } = incoming;
    if authorization.is_empty() {
        if let Some(ticket) = Ticket::of(request) {
            return holder(&ticket?, &settings.root, env).await;
        }
        if let Some(caller) = signed_in(incoming, context).await? {
            return Ok(caller);
        }
        let privilege = anonymous(incoming);
        if privilege > Privilege::None && !is_known_host(incoming) {
            return Err(AuthError::misdirected(&incoming.host));
        }
        return Caller::anonymous(privilege, &request.target);
    }
    let credentials = Credentials::parse(authorization);
    let known = match &credentials {
        Ok(credentials) => memory.known.get(|| credentials.fingerprint()),
        Err(_) => None,
    };
    let known = known.or_else(|| match settings.cluster {
        ClusterSetting::Absent => None,
        _ => memory.known.get(|| foreign_fingerprint(authorization)),
    });
    if let Some(caller) = known {
        return Ok(caller);
    }
    let credentials = credentials?;
    if let Some(caller) = credentials.open_root(&settings.root) {
        return Ok(caller);
    }
    let asked_at = now_millis();
    let key = key(env, credentials.id()).await.map_err(unreadable)?;
    let caller = credentials.open(key.as_ref(), &settings.root, now_millis())?;
    let until = (asked_at + KEY_MEMORY_MS).min(caller.expiration().unwrap_or(u64::MAX));
    memory.known.remember(credentials.fingerprint(), caller.clone(), until);
    if memory.noted.is_first_today(credentials.id()) {
        let note = key_use::note(env.clone(), credentials.id().to_owned());
        runtime::after_response(context, note);
    }
    Ok(caller)
}

/// Who has signed in by Cloudflare Access, where that is of use. A request with a key is its key's.
async fn signed_in(incoming: &Incoming, context: &JsValue) -> Result<Option<Caller>, AuthError> {
    let Incoming { settings, request, .. } = incoming;
    if settings.access == Privilege::None {
        return Ok(None);
    }
    let email = runtime::access_email(context).await.map_err(|why| {
        console_error!("Cloudflare Access does not say who is asking: {why}");
        let error = ApiError::unavailable("Cloudflare Access");
        AuthError::of(error, "Cloudflare Access does not say", None)
    })?;
    let Some(email) = email else { return Ok(None) };
    let is_own_page = is_own_page(incoming);
    let emails = &settings.access_emails;
    Caller::signed_in(&email, settings.access, emails, &request.method, is_own_page).map(Some)
}

/// Whose ticket is it?
async fn holder(ticket: &Ticket, root: &str, env: &Env) -> Result<Caller, AuthError> {
    if let Some(opened) = ticket.open_root(root, now_millis()) {
        return opened;
    }
    let key = key(env, &ticket.key).await.map_err(unreadable)?;
    ticket.open(key.as_ref(), root, now_millis())
}

fn unreadable(why: String) -> AuthError {
    console_error!("{KEYS} cannot be read: {why}");
    AuthError::of(ApiError::unavailable("Workers KV"), "keys cannot be read", None)
}

/// What somebody without a key may do. A page of another site gets no further than reading: its
/// visitors' network may reach a Worker that is open for them alone.
fn anonymous(incoming: &Incoming) -> Privilege {
    let privilege = incoming.settings.anonymous;
    let reads = matches!(incoming.request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    if privilege <= Privilege::Monitor || reads || !is_foreign_page(incoming) {
        return privilege;
    }
    Privilege::Monitor
}

/// Browsers say where a page comes from, and pages cannot change what they say.
fn is_foreign_page(incoming: &Incoming) -> bool {
    let is_foreign = has_foreign_origin(incoming)
        || matches!(incoming.sec_fetch_site.as_str(), "cross-site" | "same-site");
    is_foreign && cors::allowed_origin(incoming).is_none()
}

/// Browsers let any page open a WebSocket to anywhere: it is for the server to look whose page it is.
/// Where the browser says who somebody is, only a page of our own will do.
pub(super) fn is_foreign_watcher(incoming: &Incoming, caller: &Caller) -> bool {
    match caller.is_signed_in() {
        true => !is_own_page(incoming),
        false => has_foreign_origin(incoming) && cors::allowed_origin(incoming).is_none(),
    }
}

/// Does a page of this very service say that it is one?
fn is_own_page(incoming: &Incoming) -> bool {
    incoming.origin == format!("{}://{}", incoming.scheme, incoming.host)
}

fn has_foreign_origin(incoming: &Incoming) -> bool {
    let own = incoming.origin.split_once("://").is_some_and(|(_, host)| host == incoming.host);
    !incoming.origin.is_empty() && !own
}

/// A page whose own name leads to this address (DNS rebinding) is of the same origin to a browser. So
/// without a key only names are answered that are known to be ours.
fn is_known_host(incoming: &Incoming) -> bool {
    let host = incoming.host.as_str();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let is_it = |known: &str| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host);
    LOCAL_HOSTS.into_iter().any(is_it)
        || incoming
            .settings
            .allowed_hosts
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || is_it(known))
}

/// The key of that id, if there is one.
pub(super) async fn key(env: &Env, id: &str) -> Result<Option<Key>, String> {
    let keys = Kv::of(env, KEYS).map_err(|thrown| describe(&thrown))?;
    match timeout(KEY_LIMIT, keys.get_cached(id, KEY_CACHE_SECONDS)).await {
        Some(Ok(found)) => Ok(found.and_then(|json| {
            Key::from_json(&json)
                .inspect_err(|problem| console_error!("{KEYS}: [{id}] is no key: {problem}"))
                .ok()
        })),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} s", KEY_LIMIT.as_secs())),
    }
}
