//! Which messages endpoints get, and the results of deliveries, as tables.

// The tables have long types.
#![allow(clippy::type_complexity)]

use connector_status::connector::Connector;
use connector_status::status::Status;
use connector_status::values::{Time, json as text};
use connector_status::webhook::{
    Change, EventType, Gathering, Next, Notification, Outcome, Progress, Reply, Settings, Summary,
    Target, TargetStatus, Verdict, collect, compose, misconfigured, next_attempt, show, sign,
    summarize, target_ended, test_messages, test_result, test_results, test_summary,
};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// The same secret without its prefix.
const BARE: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn settings(more: Value) -> Settings {
    let mut all = json!({ "WEBHOOK_URL": "https://a.example/hook", "WEBHOOK_SECRET": SECRET });
    for (name, value) in more.as_object().unwrap() {
        all[name] = value.clone();
    }
    Settings::read(all.as_object().unwrap())
}

fn target(events: &str) -> (Settings, Target) {
    let settings = settings(json!({ "WEBHOOK_EVENTS": events }));
    let target = settings.targets[0].clone();
    (settings, target)
}

/// Parses `from > to`, with `create` or `import` for `from`; the change happened that many seconds
/// before now.
fn change(seq: u64, text: &str, seconds_ago: u64) -> Change {
    let (from, to) = text.split_once(" > ").unwrap();
    let row = json!({
        "seq": seq,
        "from": Status::parse(from).map(Status::name),
        "to": to,
        "at": Time::from_millis(NOW - seconds_ago * 1_000).to_string(),
        "via": if from == "create" { "_create" } else { "_status" },
    });
    Change::from_row(&serde_json::from_value(row).unwrap()).unwrap()
}

fn said(notifications: &[Notification]) -> Vec<String> {
    let name = |status: Option<Status>| status.map_or("-", Status::name);
    let one = |it: &Notification| {
        let event = it.event.name().trim_start_matches("connector.");
        format!("{event}: {} > {} {}", name(it.from), name(it.to), it.changes)
    };
    notifications.iter().map(one).collect()
}

#[test]
fn changes_become_the_events_that_the_endpoint_wants() {
    const MOVES: &str = "create > created, created > needs_configuration, \
        needs_configuration > configured, configured > connected, connected > error, \
        error > configured, configured > connected, connected > configured";
    // [events of the endpoint, changes, damped?, messages]
    let table: &[(&str, &str, bool, &[&str])] = &[
        (
            "*",
            "connected > error",
            true,
            &["error: connected > error 1", "status: connected > error 1"],
        ),
        ("connector.error", MOVES, false, &["error: connected > error 1"]),
        ("connector.recovered", MOVES, false, &["recovered: configured > connected 1"]),
        (
            "connector.needs_configuration",
            MOVES,
            false,
            &["needs_configuration: created > needs_configuration 1"],
        ),
        ("connector.silent,connector.seen_again", MOVES, false, &[]),
        // Of many changes, the last wanted event, from the status before the first such event.
        ("connector.error", MOVES, true, &["error: connected > configured 4"]),
        (
            "connector.error,connector.recovered",
            MOVES,
            true,
            &["recovered: connected > configured 4"],
        ),
        ("connector.status", MOVES, true, &["status: - > configured 8"]),
        // A connector has recovered when it is connected, not when its status changes otherwise.
        ("connector.recovered", "error > configured", false, &[]),
        (
            "connector.recovered",
            "connected > error, error > connected",
            false,
            &["recovered: error > connected 1"],
        ),
        // A recreated connector is a new one.
        (
            "connector.recovered",
            "connected > error, create > created, created > needs_configuration, needs_configuration > configured, configured > connected",
            false,
            &[],
        ),
        // An import is not an event.
        ("*", "import > error", false, &[]),
        (
            "connector.recovered",
            "import > error, error > connected",
            false,
            &["recovered: error > connected 1"],
        ),
        ("*", "", true, &[]),
    ];
    for (events, moves, is_damped, expected) in table {
        let (mut settings, target) = target(events);
        settings.damping_ms = if *is_damped { 60_000 } else { 0 };
        let moves = moves.split(", ").filter(|text| !text.is_empty());
        let changes: Vec<_> =
            moves.enumerate().map(|(n, text)| change(n as u64 + 1, text, 100 - n as u64)).collect();
        let progress = Progress::default();
        let found = collect(&target, &settings, &progress, &changes, None, NOW, true);
        assert_eq!(said(&found.notifications), *expected, "{events}: {changes:?}");
        assert_eq!(found.is_new, !expected.is_empty());
        assert_eq!(found.progress.seq, changes.last().map_or(0, |change| change.seq));
        let quiet_until = if *is_damped && !expected.is_empty() { NOW + 60_000 } else { 0 };
        assert_eq!(found.progress.quiet_until, quiet_until);
    }
}

#[test]
fn messages_are_held_back_within_the_damping_interval_unless_something_else_must_be_sent() {
    let (settings, target) = target("connector.error,connector.silent,connector.recovered");
    let after = |quiet_until| Progress { seq: 1, quiet_until, ..Progress::default() };
    let error = vec![change(2, "connected > error", 5)];
    let many: Vec<_> = (0..600).map(|n| change(n + 2, "connected > error", 5)).collect();
    let other = vec![change(2, "connected > configured", 5)];
    let silent_since = NOW - settings.silent_after_ms;
    // [progress, changes, last seen, may be held?, is held, messages]
    let table: [(Progress, &[Change], Option<u64>, bool, bool, &[&str]); 7] = [
        (after(NOW + 1), &error, None, true, true, &[]),
        (after(NOW), &error, None, true, false, &["error: connected > error 1"]),
        (after(NOW + 1), &error, None, false, false, &["error: connected > error 1"]),
        (after(NOW + 1), &other, None, true, false, &[]),
        (after(NOW + 1), &many, None, true, false, &["error: connected > error 600"]),
        (after(NOW + 1), &error, Some(NOW), true, true, &[]),
        // Order is kept: silence does not overtake a held message.
        (
            after(NOW + 1),
            &error,
            Some(silent_since),
            true,
            false,
            &["error: connected > error 1", "silent: - > - 0"],
        ),
    ];
    for (n, (progress, changes, seen, holds, is_held, expected)) in table.into_iter().enumerate() {
        let found = collect(&target, &settings, &progress, changes, seen, NOW, holds);
        assert_eq!(found.is_held, is_held, "{n}");
        assert_eq!(said(&found.notifications), expected, "{n}");
        if is_held {
            assert_eq!(found.progress, progress, "{n}");
        }
    }
}

/// For example, an endpoint that was removed from the settings and added again.
#[test]
fn changes_older_than_the_lifetime_of_a_message_are_not_sent() {
    let (settings, target) = target("connector.error,connector.recovered");
    let day = 86_400;
    let changes = [
        change(2, "connected > error", 5 * day),
        change(3, "error > connected", 4 * day + day / 2),
        change(4, "connected > error", 4 * day + day / 3),
        change(5, "error > connected", 2 * day),
    ];
    for (count, expected) in [(4, vec!["recovered: error > connected 1"]), (3, vec![])] {
        let progress = Progress { seq: 1, ..Progress::default() };
        let found = collect(&target, &settings, &progress, &changes[..count], None, NOW, true);
        assert_eq!(said(&found.notifications), expected);
        assert_eq!(found.progress.seq, count as u64 + 1);
        assert_eq!(found.progress.is_failing, count == 3);
    }
    // A held message is not too old, however short the retry schedule is.
    let mut short = settings;
    (short.retries_ms, short.damping_ms) = (vec![1_000], 600_000);
    let progress = Progress { quiet_until: NOW, ..Progress::default() };
    let changes = [change(2, "connected > error", 600)];
    let found = collect(&target, &short, &progress, &changes, None, NOW, true);
    assert_eq!(said(&found.notifications), ["error: connected > error 1"]);
}

#[test]
fn silence_is_reported_once_and_so_is_its_end() {
    let (settings, both) = target("connector.silent,connector.seen_again,connector.error");
    let limit = settings.silent_after_ms;
    assert_eq!(limit, 15 * 60_000);
    // [silent since, last seen, messages, silent since afterwards]
    let table: [(Option<u64>, Option<u64>, &[&str], Option<u64>); 8] = [
        (None, None, &[], None),
        (None, Some(NOW), &[], None),
        (None, Some(NOW - limit + 1), &[], None),
        (None, Some(NOW - limit), &["silent: - > - 0"], Some(NOW - limit)),
        (Some(NOW - limit), Some(NOW - limit), &[], Some(NOW - limit)),
        (Some(5), Some(NOW), &["seen_again: - > - 0"], None),
        (
            Some(5),
            Some(NOW - limit),
            &["seen_again: - > - 0", "silent: - > - 0"],
            Some(NOW - limit),
        ),
        // The connector was recreated and has not checked in since.
        (Some(5), None, &[], None),
    ];
    for (silent, seen, expected, afterwards) in table {
        let progress = Progress { silent, ..Progress::default() };
        let found = collect(&both, &settings, &progress, &[], seen, NOW, true);
        assert_eq!(said(&found.notifications), expected);
        assert_eq!(found.progress.silent, afterwards);
        assert_eq!(found.is_new, silent != afterwards);
    }
    // Silence and changes are in the order of time.
    let changes = [
        change(1, "configured > error", 20),
        change(2, "error > configured", 10),
        change(3, "configured > error", 1),
    ];
    let progress = Progress { silent: Some(5), ..Progress::default() };
    let found = collect(&both, &settings, &progress, &changes, Some(NOW - 15_000), NOW, true);
    assert_eq!(
        said(&found.notifications),
        ["error: configured > error 1", "seen_again: - > - 0", "error: configured > error 1"]
    );
    // An endpoint that wants no silence events gets none, and no alarm is set.
    let (settings, other) = target("connector.error");
    let found = collect(&other, &settings, &progress, &[], Some(NOW), NOW, true);
    assert_eq!((found.notifications, other.wants_silence_events()), (vec![], false));
}

#[test]
fn a_message_has_the_data_of_its_event() {
    let document = r#"{"status":"error","name":"Ä","service_type":"s3","index_name":"i","error":"no \"bucket\""}"#;
    let connector = Connector::from_json(document).unwrap();
    let settings = settings(json!({ "CONSOLE_URL": "https://c.example/", "WEBHOOK_EVENTS": "*" }));
    let target = &settings.targets[0];
    let changes = [change(7, "connected > error", 0)];
    let found = collect(target, &settings, &Progress::default(), &changes, None, NOW, true);
    let message = compose(&found.notifications[0], "a/b c", Some(&connector), target, &settings);
    let again = compose(&found.notifications[0], "a/b c", Some(&connector), target, &settings);
    assert_eq!(message, again);
    let body = text::parse(&message.body).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "connector.error",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "data": {
                "id": "a/b c", "name": "Ä", "service_type": "s3", "index_name": "i",
                "from": "connected", "to": "error", "changes": 1, "reason": "no \"bucket\"",
                "since": "2027-01-15T08:00:00.000Z",
                "next": [
                    { "status": "configured", "who": "user", "when": "a user, by filling in the configuration" },
                    { "status": "connected", "who": "connector", "when": "the connector service, once it has reached its source" },
                    { "status": "error", "who": "connector", "when": "the connector service, when it reports a failure" },
                ],
                "url": "https://c.example/#/a%2Fb%20c",
                "cause": "no …",
                "list_url": "https://c.example/#/?cause=no%20%E2%80%A6",
            },
        })
    );
    // Ids distinguish connector, endpoint, type and change.
    let mut ids = vec![message.id.clone()];
    ids.push(compose(&found.notifications[1], "a/b c", Some(&connector), target, &settings).id);
    ids.push(compose(&found.notifications[0], "other", Some(&connector), target, &settings).id);
    let other = Target { name: "WEBHOOK_URL_2".to_owned(), ..target.clone() };
    ids.push(compose(&found.notifications[0], "a/b c", Some(&connector), &other, &settings).id);
    let later = Notification { seq: 8, ..found.notifications[0].clone() };
    ids.push(compose(&later, "a/b c", Some(&connector), target, &settings).id);
    assert!(ids.iter().all(|id| id.starts_with("msg_") && id.len() == 28), "{ids:?}");
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    // A long error is shortened; an erased connector has a message too.
    let long = connector
        .fields()
        .clone()
        .into_iter()
        .chain([("error".to_owned(), "é".repeat(5_000).into())]);
    let long = Connector::from_fields(long.collect()).unwrap();
    let message = compose(&found.notifications[0], "c", Some(&long), target, &settings);
    let reason = text::parse(&message.body).unwrap()["data"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason, format!("{}...", "é".repeat(1_000)));
    let message = compose(&found.notifications[0], "c", None, target, &settings);
    assert_eq!(text::parse(&message.body).unwrap()["data"]["to"], "error");
}

#[test]
fn a_test_message_is_a_real_event_that_the_endpoint_wants() {
    for event in EventType::ALL {
        let (settings, target) = target(event.name());
        let messages = test_messages(&target, &settings, "n", Time::from_millis(NOW));
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        let body = text::parse(&message.body).unwrap();
        assert_eq!((&body["type"], &body["data"]["test"]), (&event.name().into(), &true.into()));
        assert_eq!((message.kind, message.id.as_str()), (event.name(), "msg_test_n0"));
        let summary = test_summary(&target, &settings, "n", NOW);
        assert_eq!(summary.is_some(), event != EventType::Status);
        if let Some(summary) = summary {
            let body = text::parse(&summary.body).unwrap();
            let said = (&body["type"], &body["data"]["event"], &body["data"]["test"]);
            assert_eq!(said, (&"connector.summary".into(), &event.name().into(), &true.into()));
        }
    }
}

#[test]
fn signatures_follow_the_specification() {
    // From the specification's libraries.
    let (_, target) = target("*");
    let body = r#"{"test": 2432232314}"#;
    let signed = sign(&target, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    // Both secrets sign while one is being replaced.
    let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let settings = settings(json!({ "WEBHOOK_SECRET": format!("{other} {SECRET}") }));
    let both = sign(&settings.targets[0], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    assert_eq!(both.split(' ').nth(1), Some(signed.as_str()));
    assert_eq!(both.split(' ').count(), 2);
}

#[test]
fn a_message_is_retried_on_schedule_for_three_days() {
    let settings = settings(json!({}));
    let schedule = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    let mut now = NOW;
    for (n, seconds) in schedule.into_iter().enumerate() {
        // Each attempt may take until its timeout.
        now += 15_000;
        let next = next_attempt(&settings, "msg_x", n + 1, NOW, now).expect("within three days");
        let delay = next - now;
        assert!((seconds * 1_000..=seconds * 1_050).contains(&delay), "{n}: {delay}");
        now = next;
    }
    assert_eq!(next_attempt(&settings, "msg_x", 10, NOW, now), None);
    let days = (now - NOW) / 86_400_000;
    assert_eq!(days, 3);
    // A message that waited for earlier ones is not retried for another three days.
    assert!(next_attempt(&settings, "msg_x", 1, NOW, NOW + 70 * 3_600_000).is_some());
    assert_eq!(next_attempt(&settings, "msg_x", 1, NOW, NOW + 90 * 3_600_000), None);
    // Messages are not retried at the same time.
    let times = ["msg_a", "msg_b", "msg_c"].map(|id| next_attempt(&settings, id, 2, NOW, NOW));
    assert!(times[0] != times[1] && times[1] != times[2], "{times:?}");
}

#[test]
fn a_response_decides_whether_a_message_is_delivered_retried_or_the_last() {
    let status = |status| Reply { status: Some(status), took_ms: 3, ..Reply::default() };
    let table = [
        (status(200), Outcome::Delivered, None),
        (status(204), Outcome::Delivered, None),
        (status(302), Outcome::Failed, Some("answered 302: redirects are not followed")),
        (status(410), Outcome::Gone, Some("answered 410: it wants nothing more")),
        (status(404), Outcome::Failed, Some("answered 404")),
        (status(500), Outcome::Failed, Some("answered 500")),
        (
            Reply { is_timeout: true, ..Reply::default() },
            Outcome::Failed,
            Some("no answer within 15 s"),
        ),
        (
            Reply { is_connection_error: true, ..Reply::default() },
            Outcome::Failed,
            Some("no answer: the connection was refused or lost"),
        ),
        (Reply::default(), Outcome::Failed, Some("no answer: nothing can be sent to this address")),
    ];
    for (reply, outcome, problem) in table {
        assert_eq!((reply.outcome(), reply.problem().as_deref()), (outcome, problem));
    }
}

#[test]
fn settings_are_parsed_and_problems_never_repeat_a_value() {
    let other = json!({ "WEBHOOK_URL": "" });
    // [settings, endpoints, what the problems contain]
    let table: [(Value, &[&str], &[&str]); 29] = [
        (json!({}), &["WEBHOOK_URL a.example"], &[]),
        (other.clone(), &[], &["WEBHOOK_SECRET has no WEBHOOK_URL"]),
        (json!({ "WEBHOOK_SECRET": " " }), &[], &["WEBHOOK_SECRET is missing"]),
        (json!({ "WEBHOOK_SECRET": "whsec_" }), &[], &["WEBHOOK_SECRET must be whsec_"]),
        (json!({ "WEBHOOK_SECRET": "whsec_!" }), &[], &["WEBHOOK_SECRET must be whsec_"]),
        (json!({ "WEBHOOK_SECRET": BARE }), &[], &["WEBHOOK_SECRET must be whsec_"]),
        (
            json!({ "WEBHOOK_SECRET": format!("{SECRET} {SECRET}") }),
            &["WEBHOOK_URL a.example"],
            &[],
        ),
        (json!({ "WEBHOOK_URL": "a.example" }), &[], &["WEBHOOK_URL is no address"]),
        (json!({ "WEBHOOK_URL": "ftp://a.example" }), &[], &["must begin with https://"]),
        (json!({ "WEBHOOK_URL": "http://a.example" }), &[], &["must be https"]),
        (json!({ "WEBHOOK_URL": "http://127.0.0.1:99/x" }), &["WEBHOOK_URL 127.0.0.1:99"], &[]),
        (json!({ "WEBHOOK_URL": "http://[::1]:99" }), &["WEBHOOK_URL [::1]:99"], &[]),
        (json!({ "WEBHOOK_URL": "http://localhost@a.example" }), &[], &["a user name or password"]),
        (json!({ "WEBHOOK_URL": "https:///x" }), &[], &["has no host"]),
        (json!({ "WEBHOOK_URL": "https://a.example/ b" }), &[], &["must not contain blanks"]),
        (
            json!({ "WEBHOOK_URL_2": "https://b.example:8/?q", "WEBHOOK_SECRET_2": SECRET }),
            &["WEBHOOK_URL a.example", "WEBHOOK_URL_2 b.example:8"],
            &[],
        ),
        (
            json!({ "WEBHOOK_URL_6": "https://b.example", "WEBHOOK_SECRET_6": SECRET }),
            &["WEBHOOK_URL a.example"],
            &["WEBHOOK_URL_6 is not a known setting", "WEBHOOK_SECRET_6 is not a known setting"],
        ),
        // No problem repeats any part of a value: a secret may be in the wrong place.
        (json!({ "WEBHOOK_URL": "https:/a.example/SECRET" }), &[], &["is no address"]),
        (json!({ "WEBHOOK_URL": "https://a.example\\SECRET" }), &[], &["an invalid host"]),
        (json!({ "WEBHOOK_URL": "https://a.example%2FSECRET" }), &[], &["an invalid host"]),
        (json!({ "WEBHOOK_URL": "https://[SECRET]/x" }), &[], &["an invalid host"]),
        (json!({ "WEBHOOK_URL": "https://a.example:99999/SECRET" }), &[], &["an invalid port"]),
        (json!({ "WEBHOOK_URL": "https://a.example:SECRET/x" }), &[], &["an invalid port"]),
        (
            json!({ "WEBHOOK_LIMIT": "-1", "WEBHOOK_LIMIT_SECONDS": "SECRET" }),
            &["WEBHOOK_URL a.example"],
            &["WEBHOOK_LIMIT_SECONDS must be a number", "WEBHOOK_LIMIT must be a number"],
        ),
        (json!({ "WEBHOOK_EVENTS": "SECRET" }), &[], &["names something that is no event"]),
        (
            json!({ "WEBHOOK_EVENTS": "connector.error, x" }),
            &["WEBHOOK_URL a.example"],
            &["names something that is no event"],
        ),
        (
            json!({ "WEBHOOK_DAMPING_SECONDS": "0", "SILENT_AFTER_SECONDS": "0" }),
            &["WEBHOOK_URL a.example"],
            &["SILENT_AFTER_SECONDS must be a number"],
        ),
        (
            json!({ "WEBHOOK_RETRY_SECONDS": "5,x" }),
            &["WEBHOOK_URL a.example"],
            &["WEBHOOK_RETRY_SECONDS must be numbers"],
        ),
        (
            json!({ "CONSOLE_URL": "c.example" }),
            &["WEBHOOK_URL a.example"],
            &["CONSOLE_URL is no address"],
        ),
    ];
    for (given, targets, problems) in table {
        let read = settings(given.clone());
        let found: Vec<_> = read
            .targets
            .iter()
            .map(|target| format!("{} {}", target.name, target.address.host()))
            .collect();
        assert_eq!(found, targets, "{given}");
        assert_eq!(read.problems.len(), problems.len(), "{given}: {:?}", read.problems);
        for (problem, part) in read.problems.iter().zip(problems) {
            let problem = problem.to_string();
            assert!(problem.contains(part), "{problem}");
            assert!(!problem.contains(BARE) && !problem.contains("SECRET]"), "{problem}");
            assert!(!problem.replace("WEBHOOK_SECRET", "").contains("SECRET"), "{problem}");
        }
    }
    let shown = format!("{:?}", settings(json!({ "WEBHOOK_URL": "https://a.example/PATH" })));
    assert!(shown.contains("a.example") && !shown.contains("PATH"), "{shown}");
    let nothing = Settings::read(other.as_object().unwrap());
    assert_eq!((nothing.targets.len(), nothing.problems.len()), (0, 0));
    // Defaults, and settings for a single endpoint.
    let both = settings(json!({
        "WEBHOOK_URL_2": "https://b.example", "WEBHOOK_SECRET_2": SECRET, "WEBHOOK_EVENTS_2": "*",
    }));
    assert_eq!(both.targets[0].events, EventType::DEFAULT);
    assert_eq!(both.targets[1].events, EventType::ALL);
}

#[test]
fn a_message_says_how_long_the_connector_was_silent() {
    let seen = "2027-01-15T05:00:00.000Z";
    for (setting, shown) in [
        ("60", "1 minute"),
        ("90", "90 seconds"),
        ("900", "15 minutes"),
        ("3600", "1 hour"),
        ("7200", "2 hours"),
        ("5400", "90 minutes"),
        ("3661", "3661 seconds"),
    ] {
        let settings = settings(json!({
            "SILENT_AFTER_SECONDS": setting,
            "WEBHOOK_EVENTS": "connector.silent,connector.seen_again",
        }));
        let target = &settings.targets[0];
        let last = NOW - 3 * 3_600_000;
        let connector = Connector::from_json(r#"{"status":"error","error":"e"}"#).unwrap();
        let told = |progress: &Progress, seen: u64| {
            let found = collect(target, &settings, progress, &[], Some(seen), NOW, true);
            let message =
                compose(&found.notifications[0], "c", Some(&connector), target, &settings);
            text::parse(&message.body).unwrap()
        };
        let silent = told(&Progress::default(), last);
        assert_eq!(silent["type"], "connector.silent");
        let reason = format!("no check-in for {shown}: it was last seen at {seen}");
        assert_eq!(silent["data"]["reason"], reason);
        assert_eq!(silent["data"]["since"], seen);
        let again = told(&Progress { silent: Some(last), ..Progress::default() }, NOW);
        assert_eq!(again["type"], "connector.seen_again");
        let reason = format!("it has checked in again: it had not since {seen}");
        assert_eq!(again["data"]["reason"], reason);
    }
}

#[test]
fn endpoints_deliveries_and_test_results_are_shown() {
    let settings = settings(json!({
        "WEBHOOK_EVENTS": "connector.error",
        "WEBHOOK_RETRY_SECONDS": "5,300",
        "WEBHOOK_DAMPING_SECONDS": "60",
        "SILENT_AFTER_SECONDS": "1200",
    }));
    let target = &settings.targets[0];
    let described =
        json!({ "target": "WEBHOOK_URL", "host": "a.example", "events": ["connector.error"] });
    let with = |more: Value| {
        let mut all = described.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let data =
        json!({ "from": "connected", "to": "error", "changes": 2, "reason": "r", "missed": 7 });
    let row = json!({
        "id": "msg_1", "target": "WEBHOOK_URL", "type": "connector.error", "at": "2027-01-15T08:00:00.000Z",
        "body": json!({ "data": data }).to_string(), "outcome": null, "attempts": 1,
        "tried_at": NOW, "status": 500, "error": "no", "next_at": NOW + 5_000,
    });
    let delivery = json!({
        "webhook_id": "msg_1", "target": "WEBHOOK_URL", "type": "connector.error", "at": "2027-01-15T08:00:00.000Z",
        "from": "connected", "to": "error", "changes": 2, "reason": "r", "state": "waiting", "attempts": 1,
        "last_attempt": "2027-01-15T08:00:00.000Z", "last_status": 500, "last_error": "no", "missed": 7,
        "next_attempt": "2027-01-15T08:00:05.000Z",
    });
    let status = TargetStatus { target, waiting: 3, is_ended: true, given_up: 9 };
    let row = serde_json::from_value(row).unwrap();
    assert_eq!(
        show("a", &settings, &[status], &[row]),
        json!({
            "id": "a", "targets": [with(json!({ "waiting": 3, "ended": true, "given_up": 9 }))], "problems": [],
            "silent_after_seconds": 1_200, "deliveries": [delivery],
        })
    );
    let messages = test_messages(target, &settings, "n", Time::from_millis(NOW));
    let message = &messages[0];
    let reply = |status| Reply { status: Some(status), took_ms: 12, ..Reply::default() };
    let result = test_result(target, message, &reply(204));
    let sent = json!({
        "type": "connector.error", "webhook_id": "msg_test_n0", "took_ms": 12,
        "sent": text::parse(&message.body).unwrap(),
    });
    let taken = json!({ "delivered": true, "status": 204, "error": null });
    let [sent, taken] = [sent, taken].map(|it| it.as_object().unwrap().clone());
    assert_eq!(result, with(sent.into_iter().chain(taken).collect()));
    assert_eq!(test_result(target, message, &reply(500))["delivered"], false);
    assert_eq!(
        test_results(&settings, vec![result.clone()]),
        json!({
            "targets": [result], "problems": [], "silent_after_seconds": 1_200, "damping_seconds": 60,
            "retry_seconds": [5, 300], "limit": 10, "limit_seconds": 300,
        })
    );
}

#[test]
fn other_endpoints_are_notified_when_one_is_disabled_or_its_settings_are_wrong() {
    let settings = settings(json!({
        "WEBHOOK_URL_2": "https://b.example/PATH", "WEBHOOK_SECRET_2": SECRET, "WEBHOOK_URL_3": "PATH",
        "WEBHOOK_SECRET_3": SECRET,
    }));
    let [first, second] = &settings.targets[..] else { panic!("two targets") };
    let ended = target_ended(first, second, NOW);
    let wrong = misconfigured(first, &settings, NOW);
    for (message, kind, said) in [
        (&ended, "webhook.ended", json!({ "target": "WEBHOOK_URL_2", "host": "b.example" })),
        (&wrong, "webhook.misconfigured", json!({ "settings": ["WEBHOOK_URL_3"] })),
    ] {
        let body = text::parse(&message.body).unwrap();
        assert_eq!((message.kind, &body["type"]), (kind, &kind.into()));
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(&body["data"][name], value, "{body}");
        }
        assert!(!message.body.contains("PATH"), "{body}");
    }
    assert_ne!(ended.id, target_ended(second, second, NOW).id);
}

/// The number of events sent as single messages, and the summaries as `event count@seconds`. Events
/// are given with the seconds since the previous one.
fn gathered(settings: &Settings, events: &[(u64, EventType, usize)]) -> (usize, Vec<String>) {
    let (mut state, mut now, mut singles) = (Gathering::default(), NOW, 0);
    let mut counts: Vec<(EventType, usize)> = Vec::new();
    let mut summaries = Vec::new();
    let mut wake = |state: &mut Gathering, until: u64, counts: &mut Vec<(EventType, usize)>| {
        while let Some(due) = state.due().filter(|due| *due <= until) {
            for group in state.take(settings, due) {
                let position = counts.iter().position(|(event, _)| *event == group.event).unwrap();
                let (event, count) = counts.remove(position);
                let name = event.name().trim_start_matches("connector.");
                summaries.push(format!("{name} {count}@{}", (due - NOW) / 1_000));
            }
            assert!(state.due().is_none_or(|next| next > due), "it would be woken for nothing");
        }
    };
    for (seconds, event, count) in events {
        now += seconds * 1_000;
        wake(&mut state, now, &mut counts);
        for _ in 0..*count {
            match state.admit(*event, settings, now) {
                Verdict::Single => singles += 1,
                Verdict::Gathered => {
                    match counts.iter_mut().find(|(it, _)| it == event) {
                        Some((_, count)) => *count += 1,
                        None => counts.push((*event, 1)),
                    }
                    let due = state.due().expect("what is gathered is told");
                    assert!(due > now && due <= now + settings.single_window_ms + 15_000);
                }
            }
        }
        // The stored state is enough to continue.
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Gathering>(&text).unwrap(), state);
        assert!(text.len() < 1_000, "{text}");
    }
    wake(&mut state, u64::MAX, &mut counts);
    assert_eq!(counts, [], "gathered and never told");
    (singles, summaries)
}

#[test]
fn an_outage_is_a_few_single_messages_and_a_summary() {
    use EventType::{Error, NeedsConfiguration, Recovered, SeenAgain, Silent};
    let table: &[(&[(u64, EventType, usize)], usize, &[&str])] = &[
        (&[(0, Error, 10)], 10, &[]),
        (&[(0, Error, 300)], 10, &["error 290@15"]),
        // The same for a recovery, soon or later.
        (&[(0, Error, 300), (60, Recovered, 300)], 10, &["error 290@15", "recovered 300@75"]),
        (&[(0, Error, 300), (3_600, Recovered, 300)], 20, &["error 290@15", "recovered 290@3615"]),
        // Failures spread over time: the first summary is early, the next after five minutes.
        (
            &[(0, Silent, 20), (20, Silent, 80), (100, Silent, 80), (100, Silent, 80)],
            10,
            &["silent 10@15", "silent 240@315"],
        ),
        // Two outages at once: one message each, in order.
        (
            &[(0, Silent, 11), (1, Error, 50), (20, SeenAgain, 11), (1, Error, 1)],
            10,
            &["silent 1@15", "error 50@15", "seen_again 11@36", "error 1@36"],
        ),
        // While events are gathered, none is sent alone before them.
        (
            &[(0, Error, 11), (299, Error, 1), (2, Recovered, 1)],
            10,
            &["error 1@15", "error 1@315", "recovered 1@315"],
        ),
        // Rare events are sent alone.
        (&[(0, NeedsConfiguration, 9), (200, Error, 1), (101, Error, 9)], 19, &[]),
    ];
    let settings = settings(json!({}));
    for (events, singles, summaries) in table {
        let (found, made) = gathered(&settings, events);
        assert_eq!(found, *singles, "{events:?}");
        assert_eq!(made, *summaries, "{events:?}");
    }
    let none = self::settings(json!({ "WEBHOOK_LIMIT": "0", "WEBHOOK_LIMIT_SECONDS": "2" }));
    assert_eq!(gathered(&none, &[(0, Error, 3)]), (0, vec!["error 3@2".to_owned()]));
}

/// At any rate of events, no window has more single messages than the limit, and each event is sent
/// alone or in a summary.
#[test]
fn no_window_has_more_single_messages_than_the_limit() {
    let settings = settings(json!({ "WEBHOOK_LIMIT": "3", "WEBHOOK_LIMIT_SECONDS": "20" }));
    let mut random: u64 = 7;
    for _ in 0..2_000 {
        let (mut state, mut now) = (Gathering::default(), NOW);
        let (mut singles, mut summaries) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            now += (random >> 33) % 7_000;
            // The alarm may be late.
            if random >> 62 != 0 {
                let events = state.take(&settings, now).into_iter().map(|group| (group.event, now));
                summaries.extend(events);
            }
            let event = EventType::DEFAULT[(random >> 40) as usize % 5];
            if state.admit(event, &settings, now) == Verdict::Single {
                singles.push(now);
            }
        }
        for (n, at) in singles.iter().enumerate() {
            let before = &singles[..=n];
            let within = before.iter().filter(|before| *at - **before < 20_000).count();
            assert!(within <= 3, "{within} messages within 20 s");
        }
        // Of five event types, each causes at most one summary of all of them in a window.
        for (n, (_, at)) in summaries.iter().enumerate() {
            let within = summaries[..=n].iter().filter(|(_, before)| at - before < 20_000).count();
            assert!(within <= 25, "{within} summaries within 20 s");
        }
    }
}

#[test]
fn a_summary_has_the_number_names_and_causes_of_its_connectors() {
    let settings = settings(json!({ "CONSOLE_URL": "https://c.example" }));
    let mut summary = Summary {
        event: EventType::Error,
        since: NOW - 15_000,
        count: 290,
        connectors: vec![("a".to_owned(), Some("Ä".to_owned())), ("b".to_owned(), None)],
        causes: vec![("no \"bucket\"".to_owned(), 289)],
        missed: 0,
    };
    let made = |summary: &Summary| summarize(summary, &settings.targets[0], &settings, NOW);
    let body = text::parse(&made(&summary).body).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "connector.summary",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "data": {
                "event": "connector.error",
                "count": 290,
                "connectors": [{ "id": "a", "name": "Ä" }, { "id": "b", "name": null }],
                "causes": [{ "cause": "no \"bucket\"", "count": 289 }],
                "since": "2027-01-15T07:59:45.000Z",
                "url": "https://c.example/#/?status=error",
            },
        })
    );
    let first = made(&summary).id;
    summary.missed = 2;
    summary.event = EventType::Silent;
    let second = made(&summary);
    let data = &text::parse(&second.body).unwrap()["data"];
    assert_eq!(
        (&data["missed"], &data["url"]),
        (&2.into(), &"https://c.example/#/?silent=true".into())
    );
    assert_ne!(first, second.id);
}

#[test]
fn after_an_attempt_the_endpoint_continues_retries_or_gives_up() {
    let settings = settings(json!({ "WEBHOOK_RETRY_SECONDS": "5" }));
    let table = [
        (Some(204), 1, Next::Done(Outcome::Delivered), Some("delivered")),
        (Some(410), 1, Next::Done(Outcome::Gone), Some("ended")),
        (Some(500), 2, Next::Done(Outcome::Failed), Some("given_up")),
        (None, 2, Next::Done(Outcome::Failed), Some("given_up")),
    ];
    for (status, attempts, next, state) in table {
        let reply = Reply { status, ..Reply::default() };
        let found = Next::after(&settings, "msg_x", attempts, NOW, &reply, NOW);
        assert_eq!((found, found.state(), found.at()), (next, state, None));
    }
    let again = Next::after(&settings, "msg_x", 1, NOW, &Reply::default(), NOW);
    assert_eq!((again.at(), again.state()), (next_attempt(&settings, "msg_x", 1, NOW, NOW), None));
}
