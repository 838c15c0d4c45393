//! Which cron schedules are valid.

use connector_status::values::cron::check;
use croner::parser::{CronParser, Seconds, Year};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const LEGAL: [&str; 38] = [
    // The examples in Quartz's tutorial.
    "0 0 12 * * ?",
    "0 15 10 ? * *",
    "0 15 10 * * ?",
    "0 15 10 * * ? *",
    "0 15 10 * * ? 2027",
    "0 * 14 * * ?",
    "0 0/5 14 * * ?",
    "0 0/5 14,18 * * ?",
    "0 0-5 14 * * ?",
    "0 10,44 14 ? 3 WED",
    "0 15 10 ? * MON-FRI",
    "0 15 10 15 * ?",
    "0 15 10 L * ?",
    "0 15 10 L-2 * ?",
    "0 15 10 ? * 6L",
    "0 15 10 ? * 6L 2027-2029",
    "0 15 10 ? * 6#3",
    "0 0 12 1/5 * ?",
    "0 11 11 11 11 ?",
    // The limits of every field.
    "0 0 0 1 1 ? 1970",
    "59 59 23 31 12 ? 2199",
    "0 0 0 ? * 1",
    "0 0 0 ? * 7",
    "0 0 0 ? * L",
    "0 0 0 ? * sun,SAT",
    "0 0 0 ? * friL",
    "0 0 0 ? * MON#1",
    "0 0 0 LW * ?",
    "0 0 0 L-30 * ?",
    "0 0 0 15W * ?",
    "0 0 0 1 JAN-dec ?",
    "*/10 */10 */2 * * ?",
    "/10 0 0 * * ?",
    "0-30/5 0 0 * * ?",
    // A range may wrap around, and there may be several blanks.
    "0 0 22-4 * * ?",
    "0 0 0 ? * FRI-MON",
    "  0   0 0\t* * ?  ",
    "0 0 0 01 02 ?",
];

const ILLEGAL: [&str; 46] = [
    "",
    "?",
    "0 0 12 * *",
    "0 0 12 * * ? 2027 1",
    "@daily",
    // Exactly one of the two day fields must be `?`.
    "0 0 0 * * *",
    "0 0 0 1 * 1",
    "0 0 0 ? * ?",
    // Only the day fields allow `?`, L, W and #.
    "? 0 0 * * ?",
    "0 0 0 * ? ?",
    "L 0 0 * * ?",
    "0 0 0 * 6#3 ?",
    "0 0 0 ? * 5W",
    "0 0 0 6#3 * ?",
    "0 0 0 ? * LW",
    // These cannot be combined with others.
    "0 0 0 1,L * ?",
    "0 0 0 1,15W * ?",
    "0 0 0 1-15W * ?",
    "0 0 0 ? * MON,6L",
    "0 0 0 ? * 2#1,4#2",
    "0 0 0 ?,1 * 1",
    // Out of range.
    "60 0 0 * * ?",
    "0 60 0 * * ?",
    "0 0 24 * * ?",
    "0 0 0 0 * ?",
    "0 0 0 32 * ?",
    "0 0 0 1 0 ?",
    "0 0 0 1 13 ?",
    "0 0 0 ? * 0",
    "0 0 0 ? * 8",
    "0 0 0 * * ? 1969",
    "0 0 0 * * ? 2200",
    "0 0 0 ? * 6#6",
    "0 0 0 ? * 6#0",
    "0 0 0 L-31 * ?",
    "0 0 0 32W * ?",
    "0 0/60 0 * * ?",
    "0 0/0 0 * * ?",
    // Not values at all.
    "a 0 0 * * ?",
    "-1 0 0 * * ?",
    "+1 0 0 * * ?",
    "1- 0 0 * * ?",
    "1,,2 0 0 * * ?",
    "1/ 0 0 * * ?",
    "0 0 0 ? * MONDAY",
    "0 0 0 1 МАЙ ?",
];

#[test]
fn valid_schedules_are_accepted() {
    for expression in LEGAL {
        assert_eq!(check(expression), Ok(()));
    }
}

#[test]
fn invalid_schedules_are_refused() {
    for expression in ILLEGAL {
        let problem = check(expression).expect_err(expression);
        assert!(problem.starts_with(&format!("invalid cron expression [{expression}]: ")));
    }
}

/// `croner` is too large for the Worker (25 kB of compressed wasm), but not for a test.
fn legal_for_croner(expression: &str) -> bool {
    let parser = CronParser::builder()
        .seconds(Seconds::Required)
        .year(Year::Optional)
        .alternative_weekdays(true)
        .sloppy_ranges(true)
        .build();
    parser.parse(expression).is_ok()
}

/// One field: values around its limits, in the syntax that both parsers support.
fn field(least: i32, most: i32, days: bool) -> impl Strategy<Value = String> {
    let value = least - 1..=most + 1;
    let range = (value.clone(), value.clone()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    // Unlike croner, Quartz allows no step beyond the field's maximum.
    let step = 0..=most;
    let item = prop_oneof![
        4 => value.clone().prop_map(|value| value.to_string()),
        2 => range.clone().prop_map(|(from, to)| format!("{from}-{to}")),
        1 => (range, step.clone()).prop_map(|((from, to), step)| format!("{from}-{to}/{step}")),
    ];
    let list = prop::collection::vec(item, 1..3).prop_map(|items| items.join(","));
    let special = match (days, most) {
        (true, 31) => value.prop_map(|day| format!("{day}W")).boxed(),
        (true, _) => (value, 0..=6).prop_map(|(day, nth)| format!("{day}#{nth}")).boxed(),
        _ => Just("*".to_owned()).boxed(),
    };
    let all = prop_oneof![Just("*".to_owned()), step.prop_map(|step| format!("*/{step}"))];
    prop_oneof![4 => list, 1 => all, 1 => special]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn another_parser_agrees_on_what_is_valid(
        time in (field(0, 59, false), field(0, 59, false), field(0, 23, false)),
        (day, month, weekday) in (field(1, 31, true), field(1, 12, false), field(1, 7, true)),
        by_weekday: bool,
    ) {
        let (second, minute, hour) = time;
        let (day, weekday) = if by_weekday { ("?", &*weekday) } else { (&*day, "?") };
        let expression = format!("{second} {minute} {hour} {day} {month} {weekday}");
        prop_assert_eq!(check(&expression).is_ok(), legal_for_croner(&expression), "{}", expression);
    }
}
