//! What of a request is not for a cluster behind this service.

/// Headers by which Cloudflare Access says who somebody is, and by which services sign in there: whoever
/// has them could ask as that person.
pub const ACCESS_HEADERS: [&str; 4] = [
    "cf-access-authenticated-user-email",
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-jwt-assertion",
];

/// How the names of cookies of Cloudflare Access begin: `CF_Authorization` and the like.
const ACCESS_COOKIES: &str = "cf_";

/// The cookies of a request without those of Cloudflare Access; `None` if no others are there.
pub fn without_access_cookies(cookies: &str) -> Option<String> {
    let is_other = |cookie: &&str| {
        let start = cookie.get(..ACCESS_COOKIES.len()).unwrap_or_default();
        !cookie.is_empty() && !start.eq_ignore_ascii_case(ACCESS_COOKIES)
    };
    let others: Vec<&str> = cookies.split(';').map(str::trim).filter(is_other).collect();
    (!others.is_empty()).then(|| others.join("; "))
}
