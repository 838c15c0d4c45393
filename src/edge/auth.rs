//! Who is asking. The rules are in [`crate::api`]; here is where keys and settings come from.

use std::time::Duration;

use worker::{Env, console_error};

use super::cors;
use super::known::{KEY_CACHE_SECONDS, KEY_MEMORY_MS, KnownCallers};
use super::origin;
use super::runtime::{Incoming, Kv, describe, now_millis, timeout};
use crate::api::{ApiError, AuthError, Caller, Credentials, Key, Privilege, Ticket};

/// The namespace of keys, each under its id.
pub(super) const KEYS: &str = "API_KEYS";
/// The secret that holds the first key, as `id:secret`.
const ROOT: &str = "ROOT_API_KEY";
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
    known: &KnownCallers,
) -> Result<Caller, AuthError> {
    match with_key(incoming, env, known).await {
        Err(denied) if !incoming.cluster.is_empty() && denied.is_unknown() => {
            origin::authenticate(incoming, known).await
        }
        other => other,
    }
}

/// Finds out who is asking, of those with a key of ours and those without any.
///
/// # Errors
/// As above.
pub(super) async fn with_key(
    incoming: &Incoming,
    env: &Env,
    known: &KnownCallers,
) -> Result<Caller, AuthError> {
    if incoming.authorization.is_empty() {
        if let Some(ticket) = Ticket::of(&incoming.request) {
            return holder(&ticket?, env).await;
        }
        if let Some(caller) = signed_in(incoming)? {
            return Ok(caller);
        }
        let privilege = anonymous(incoming);
        if privilege > Privilege::None && !is_known_host(incoming) {
            return Err(AuthError::misdirected(&incoming.host));
        }
        return Caller::anonymous(privilege, &incoming.request.target);
    }
    if let Some(caller) = known.get(&incoming.authorization) {
        return Ok(caller);
    }
    let credentials = Credentials::parse(&incoming.authorization)?;
    if let Ok(root) = env.secret(ROOT)
        && let Some(caller) = credentials.open_root(&root.to_string())
    {
        return Ok(caller);
    }
    let asked_at = now_millis();
    let key = key(env, credentials.id()).await.map_err(unreadable)?;
    let caller = credentials.open(key.as_ref(), now_millis())?;
    known.remember(&incoming.authorization, &caller, asked_at, KEY_MEMORY_MS);
    Ok(caller)
}

/// Who has signed in by Cloudflare Access, where that is of use. A request with a key is its key's.
fn signed_in(incoming: &Incoming) -> Result<Option<Caller>, AuthError> {
    let privilege = Privilege::parse(&incoming.access_privilege).unwrap_or(Privilege::None);
    if privilege == Privilege::None {
        return Ok(None);
    }
    if let Some(why) = &incoming.access_problem {
        console_error!("Cloudflare Access does not say who is asking: {why}");
        let error = ApiError::unavailable("Cloudflare Access");
        return Err(AuthError::of(error, "Cloudflare Access does not say", None));
    }
    let Some(email) = &incoming.email else { return Ok(None) };
    let Incoming { access_emails, request, .. } = incoming;
    let is_own_page = is_own_page(incoming);
    Caller::signed_in(email, privilege, access_emails, &request.method, is_own_page).map(Some)
}

/// Whose ticket is it?
async fn holder(ticket: &Ticket, env: &Env) -> Result<Caller, AuthError> {
    let root = root(env);
    if let Some(opened) = ticket.open_root(&root, now_millis()) {
        return opened;
    }
    let key = key(env, &ticket.key).await.map_err(unreadable)?;
    ticket.open(key.as_ref(), &root, now_millis())
}

/// The setting of the root key; empty if there is none.
pub(super) fn root(env: &Env) -> String {
    env.secret(ROOT).map(|root| root.to_string()).unwrap_or_default()
}

fn unreadable(why: String) -> AuthError {
    console_error!("{KEYS} cannot be read: {why}");
    AuthError::of(ApiError::unavailable("Workers KV"), "keys cannot be read", None)
}

/// What somebody without a key may do. A page of another site gets no further than reading: its
/// visitors' network may reach a Worker that is open for them alone.
fn anonymous(incoming: &Incoming) -> Privilege {
    let privilege = Privilege::parse(&incoming.anonymous_privilege).unwrap_or(Privilege::None);
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
            .allowed_hosts
            .split(',')
            .map(str::trim)
            .any(|known| known == "*" || is_it(known))
}

/// The key of that id, if there is one.
///
/// # Errors
/// If Workers KV does not say.
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
