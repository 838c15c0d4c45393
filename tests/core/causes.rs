//! The message and the cause of an error.

use connector_status::directory::cause::{cause, message};
use proptest::prelude::*;

const TRACEBACK: &str = "Traceback (most recent call last):
  File \"/app/connectors/sources/jira.py\", line 7, in ping
    await self.jira_client.ping()
aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host jira-7.internal:443 ssl:default";

#[test]
fn the_message_of_an_error_is_its_meaningful_line() {
    let cases = [
        ("The source is down\nuntil Friday", "The source is down"),
        ("  \n  spaces around \n", "spaces around"),
        (TRACEBACK, "ClientConnectorError: Cannot connect to host jira-7.internal:443 ssl:default"),
        (
            &format!(
                "{TRACEBACK}\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    x()\nValueError: bad value\n(Background on this error at: https://example.com)"
            ),
            "ValueError: bad value",
        ),
        (
            "sync failed\njava.lang.RuntimeException: outer\n\tat a.B.c(B.java:1)\nCaused by: java.net.ConnectException: Connection refused\n\tat d.E.f(E.java:2)\n\t... 3 more",
            "ConnectException: Connection refused",
        ),
        ("TypeError: x is not a function\n    at f (a.js:1:2)", "TypeError: x is not a function"),
        (
            r#"{"error":{"code":401,"message":"Invalid credentials.","status":"UNAUTHENTICATED"}}"#,
            "Invalid credentials.",
        ),
        (
            r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#,
            "Token has been revoked.",
        ),
        (r#"{"errors":[{"title":"Forbidden"}],"status":403}"#, "Forbidden"),
        (r#"HTTP 401: {"reason":"missing authentication"}"#, "HTTP 401: missing authentication"),
        (r#"{"nothing":"said"}"#, r#"{"nothing":"said"}"#),
        ("[Errno 111] Connection refused", "[Errno 111] Connection refused"),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("", ""),
    ];
    for (error, said) in cases {
        assert_eq!(message(error), said, "{error}");
    }
}

#[test]
fn errors_that_differ_only_in_values_have_the_same_cause() {
    let same = [
        [
            "Cannot connect to host jira-1.internal:443 ssl:default",
            "Cannot connect to host jira-17.example.org:8443 ssl:default",
        ],
        ["retried 3 times", "retried 12 times"],
        ["user 'ann' can't log in", "user 'bob' can't log in"],
        ["connection to db-3.internal:5432 refused", "connection to 10.0.0.7 refused"],
        ["job 6f1c2ab0-99e1-4d5e failed", "job 0b9d failed"],
        ["mail to ann@example.org bounced", "mail to bob@example.com bounced"],
        ["no access to /data/a", "no access to /mnt/b/c"],
        ["none of 10.0.0.1, 10.0.0.2: refused", "none of 10.0.0.1, 10.0.0.2, 10.0.0.3: refused"],
        ["index \"a\", document \"b c\": too large", "index \"x\", document \"y\": too large"],
    ];
    for [one, other] in same {
        assert_eq!(cause(one), cause(other));
    }
    assert_eq!(cause("user 'ann' can't log in"), "user … can't log in");
    assert_eq!(cause("none of 10.0.0.1, 10.0.0.2: refused"), "none of …: refused");
    assert_eq!(cause("[Connect call failed ('10.0.0.7', 443)]"), "[Connect call failed …");
    assert_eq!(
        cause(
            "HTTP 429 from https://api.example.com/v1?page=2: rate limit exceeded, retried 2 times"
        ),
        "HTTP 429 from …: rate limit exceeded, retried … times"
    );
}

#[test]
fn different_errors_have_different_causes() {
    let different = [
        ["HTTP 401 from https://a.example", "HTTP 500 from https://a.example"],
        ["connection refused", "connection timed out"],
        ["status code 403, forbidden", "status code 404, not found"],
    ];
    for [one, other] in different {
        assert_ne!(cause(one), cause(other));
    }
}

proptest! {
    #[test]
    fn any_text_has_a_one_line_message_and_a_short_cause(error in "(?s).{0,400}") {
        let said = message(&error);
        prop_assert!(!said.contains('\n'));
        let known = cause(&said);
        prop_assert!(known.chars().count() <= 160);
        prop_assert_eq!(said.is_empty(), error.trim().is_empty());
    }

    #[test]
    fn a_cause_has_no_digits_except_those_of_a_status(text in "[a-z0-9 '/.:,-]{0,80}") {
        let known = cause(&text);
        let words: Vec<&str> = known.split(' ').collect();
        for (n, word) in words.iter().enumerate() {
            let after_status = n > 0 && ["http", "status", "code"].contains(&words[n - 1].trim_matches(|c: char| c.is_ascii_punctuation()));
            prop_assert!(after_status || !word.contains(|c: char| c.is_ascii_digit()), "{}", known);
        }
    }
}
