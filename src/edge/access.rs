//! Who is asking, and may pages of other sites ask? The rules are in [`crate::api`]; here is where
//! keys and settings come from.

use std::time::Duration;

use js_sys::{Promise, Reflect};
use serde_json::json;
use wasm_bindgen::prelude::*;
use web_sys::{Headers, Response, ResponseInit};
use worker::{Env, console_error};

use super::incoming::Incoming;
use super::now_millis;
use super::outgoing;
use super::runtime::{JsError, Kv, binding, describe, from_json};
use super::task::{JsResult, wait, within};
use crate::api::{ApiError, AuthError, Call, Caller, Credentials, Key, Privilege, cors_origin};

/// The namespace of keys, each under its id.
const KEYS: &str = "API_KEYS";
/// The secret that holds the first key, as `id:secret`.
const ROOT: &str = "ROOT_API_KEY";
/// The binding that counts writes. There need not be one.
const WRITES: &str = "WRITE_LIMIT";

/// How long to wait for Workers KV to say whether there is such a key.
const KEY_LIMIT: Duration = Duration::from_secs(2);

#[wasm_bindgen]
extern "C" {
    type RateLimiter;
    #[wasm_bindgen(method, catch)]
    fn limit(this: &RateLimiter, options: &JsValue) -> Result<Promise, JsValue>;
}

/// Finds out who is asking. Without an Authorization header that awaits nothing.
///
/// # Errors
/// 401 for somebody unknown, 503 if Workers KV does not say.
pub(super) async fn authenticate(incoming: &Incoming, env: &Env) -> Result<Caller, AuthError> {
    if incoming.authorization.is_empty() {
        return Caller::anonymous(anonymous(incoming), &incoming.request.target);
    }
    let credentials = Credentials::parse(&incoming.authorization)?;
    if let Some(root) = setting(env, ROOT)
        && let Some(caller) = credentials.open_root(&root)
    {
        return Ok(caller);
    }
    let key = key(env, credentials.id()).await.map_err(|why| {
        console_error!("{KEYS} cannot be read: {why}");
        AuthError::of(ApiError::unavailable("Workers KV"), "keys cannot be read", None)
    })?;
    credentials.open(key.as_ref(), now_millis())
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
    matches!(incoming.sec_fetch_site.as_str(), "cross-site" | "same-site")
        && Cors::of(incoming).allowed.is_none()
}

async fn key(env: &Env, id: &str) -> Result<Option<Key>, String> {
    let keys: Kv = binding(env, KEYS).map_err(|thrown| describe(&thrown))?;
    match within(KEY_LIMIT, wait(keys.get(id))).await {
        Some(Ok(found)) => Ok(found.as_string().and_then(|json| {
            Key::from_json(&json)
                .inspect_err(|problem| console_error!("{KEYS}: [{id}] is no key: {problem}"))
                .ok()
        })),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} s", KEY_LIMIT.as_secs())),
    }
}

/// What a caller may have of what it asks for.
///
/// # Errors
/// 403 if it may not have it, 429 if it has written too often.
pub(super) async fn authorize(
    caller: &Caller,
    call: Call,
    incoming: &Incoming,
    env: &Env,
) -> Result<Call, AuthError> {
    let call = caller.authorize(call)?;
    if incoming.counts_writes && call.writes() {
        count_write(caller, incoming, env).await?;
    }
    Ok(call)
}

/// Counts a write.
async fn count_write(caller: &Caller, incoming: &Incoming, env: &Env) -> Result<(), AuthError> {
    let name = match caller.key_id() {
        Some(id) => format!("key:{id}"),
        None => format!("address:{}", incoming.cf_connecting_ip),
    };
    match is_within_limit(env, &name).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(AuthError::too_many(caller)),
        // A counter that is away is no reason to turn writers away.
        Err(thrown) => {
            console_error!("{WRITES} does not count: {}", describe(&thrown));
            Ok(())
        }
    }
}

async fn is_within_limit(env: &Env, name: &str) -> Result<bool, JsError> {
    let limiter: RateLimiter = binding(env, WRITES)?;
    let options = from_json(&json!({ "key": name }))?;
    let outcome = wait(limiter.limit(&options)).await?;
    Ok(Reflect::get(&outcome, &"success".into())?.is_truthy())
}

/// Which pages of other sites may read the answer. Cookies and the like are never asked for, so
/// `Access-Control-Allow-Credentials` is never sent.
pub(super) struct Cors {
    configured: bool,
    allowed: Option<String>,
}

impl Cors {
    /// As set in wrangler.toml, for the page that asks.
    pub(super) fn of(incoming: &Incoming) -> Self {
        let allowed = match incoming.origin.as_str() {
            "" => None,
            page => cors_origin(&incoming.cors_origins, page).map(str::to_owned),
        };
        Self { configured: !incoming.cors_origins.is_empty(), allowed }
    }

    /// The answer to a browser that asks on behalf of a page whether it may ask. It comes without
    /// credentials, so it is answered without.
    pub(super) fn preflight(&self, incoming: &Incoming) -> Result<Option<Response>, JsError> {
        let asks = self.allowed.is_some()
            && incoming.request.method == "OPTIONS"
            && !incoming.access_control_request_method.is_empty();
        if !asks {
            return Ok(None);
        }
        let headers = Headers::new()?;
        for (name, value) in [
            ("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE"),
            (
                "access-control-allow-headers",
                "Authorization, Content-Type, Accept, If-Match, If-None-Match, X-Opaque-Id, \
                 X-Elastic-Client-Meta",
            ),
            ("access-control-max-age", "7200"),
            ("vary", "Access-Control-Request-Method, Access-Control-Request-Headers"),
        ] {
            headers.set(name, value)?;
        }
        self.write(&headers)?;
        let init = ResponseInit::new();
        init.set_status(204);
        init.set_headers(&headers);
        Ok(Some(Response::new_with_opt_str_and_init(None, &init)?))
    }

    /// A response, or a promise of it, marked for the browser.
    pub(super) async fn mark(&self, response: JsValue) -> JsResult {
        if !self.configured {
            return Ok(response);
        }
        let response = wait(Ok(Promise::resolve(&response))).await?;
        let copy = outgoing::copy(response.unchecked_ref())?;
        self.write(&copy.headers())?;
        Ok(copy.into())
    }

    fn write(&self, headers: &Headers) -> Result<(), JsError> {
        headers.append("vary", "Origin")?;
        if let Some(origin) = &self.allowed {
            headers.set("access-control-allow-origin", origin)?;
            headers.set(
                "access-control-expose-headers",
                "Allow, ETag, Retry-After, X-Elastic-Product, X-Opaque-Id",
            )?;
        }
        Ok(())
    }
}

/// A variable or secret; an empty one counts as absent.
fn setting(env: &Env, name: &str) -> Option<String> {
    Reflect::get(env, &name.into()).ok()?.as_string().filter(|text| !text.is_empty())
}
