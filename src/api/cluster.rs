//! What is removed from a request before it is forwarded to a cluster.

/// Headers that identify a user or authenticate a service to Cloudflare Access. A cluster that received
/// them could act as that user.
pub const ACCESS_HEADERS: [&str; 4] = [
    "cf-access-authenticated-user-email",
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
];

/// Prefix of Cloudflare Access cookies such as `CF_Authorization`.
const ACCESS_COOKIE_PREFIX: &str = "cf_";

/// A Cookie header without the cookies of Cloudflare Access. `None` if no others remain.
pub fn without_access_cookies(cookies: &str) -> Option<String> {
    let is_other = |cookie: &&str| {
        let start = cookie.get(..ACCESS_COOKIE_PREFIX.len()).unwrap_or_default();
        !cookie.is_empty() && !start.eq_ignore_ascii_case(ACCESS_COOKIE_PREFIX)
    };
    let others: Vec<&str> = cookies.split(';').map(str::trim).filter(is_other).collect();
    (!others.is_empty()).then(|| others.join("; "))
}
