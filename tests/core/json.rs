//! The JSON parser compared with serde_json: they agree on what is valid and on the values.

use connector_status::values::json::{self, Member, Reader, object_size};
use proptest::prelude::*;
use serde_json::Value;

fn values() -> BoxedStrategy<Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?"
            .prop_map(|text| serde_json::from_str(&text).unwrap()),
    ];
    let text = prop_oneof![any::<String>(), "[a-c\"\\\\\u{0}-\u{1f}ü🦀/]{0,5}"];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        text.clone().prop_map(Value::from),
    ];
    let nested = scalar.prop_recursive(5, 40, 5, move |inside| {
        prop_oneof![
            prop::collection::vec(inside.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((text.clone(), inside), 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    nested.boxed()
}

/// JSON with something removed, inserted or moved.
fn mutated() -> BoxedStrategy<String> {
    let piece = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\\n", "0", "-", ".", "e", "1",
        "true", "nul", " ", "\n", "\u{1}", "ü", "\u{a0}",
    ]);
    (values(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece, 0..4)
        .prop_map(|(value, at, to, piece, how)| {
            let mut text: Vec<char> = value.to_string().chars().collect();
            let (at, to) = (at.index(text.len()), to.index(text.len()));
            match how {
                0 => drop(text.remove(at)),
                1 => drop(text.splice(at..at, piece.chars())),
                2 => text.swap(at, to),
                _ => text.truncate(at),
            }
            text.into_iter().collect()
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_json_is_parsed_again(value in values(), pretty in any::<bool>()) {
        let text = if pretty { format!("{value:#}") } else { value.to_string() };
        prop_assert_eq!(json::parse(&text), Ok(value.clone()));
        let mut reader = Reader::new(&text, 128);
        prop_assert_eq!(reader.skip(), Ok(()));
        prop_assert_eq!(reader.text_from(0), text.as_str());
        if let Value::Object(members) = &value {
            prop_assert_eq!(object_size(members), value.to_string().len());
        }
    }

    #[test]
    fn invalid_json_is_refused_exactly_as_by_serde_json(text in mutated()) {
        // serde_json's reserved keys do not occur here, so both parsers must agree.
        let (ours, theirs) = (json::parse(&text), serde_json::from_str::<Value>(&text));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            // serde_json writes `1e5` as `1e+5`.
            prop_assert_eq!(serde_json::from_str::<Value>(&ours.to_string()).unwrap(), theirs);
        }
    }

    #[test]
    fn an_error_has_a_position_in_the_text(text in mutated()) {
        let mut reader = Reader::new(&text, 128).unique_keys();
        if let Err(error) = reader.value() {
            prop_assert!(text.is_char_boundary(error.at), "{:?}", error);
            prop_assert_eq!(error.is_end, error.message.ends_with("found the end of the JSON"));
        }
    }
}

#[test]
fn positions_become_lines_and_columns() {
    let text = "ab\ncü\n\nd";
    let table =
        [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (6, (2, 3)), (7, (3, 1)), (8, (4, 1)), (9, (4, 2))];
    for (at, expected) in table {
        assert_eq!(json::line_and_column(text, at), expected, "{at}");
    }
}

#[test]
fn nesting_is_limited_to_the_given_depth() {
    for (depth, limit, expected) in
        [(0, 0, true), (1, 0, false), (128, 128, true), (129, 128, false)]
    {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(Reader::new(&text, limit).value().is_ok(), expected, "{text}");
            assert_eq!(Reader::new(&text, limit).skip().is_ok(), expected, "{text}");
        }
    }
    // Consecutive values are not nested.
    let flat = format!("[{}[]]", "[],{},".repeat(200).replace("{}", "{\"a\":{}}"));
    assert!(Reader::new(&flat, 3).value().is_ok());
    assert!(json::parse(&"[".repeat(1 << 20)).is_err());
}

/// The members of an object, one per line; `-` if the text is not an object.
fn members(text: &str) -> String {
    let mut lines = Vec::new();
    let read = json::for_each_member(text, &mut |name, member| {
        let kind = if matches!(member, Member::Text(_)) { "text" } else { "json" };
        lines.push(format!("{name} {kind} {}", member.into_text()));
    });
    if read.is_ok() { lines.join("\n") } else { "-".to_owned() }
}

#[test]
fn objects_are_read_member_by_member() {
    let table = [
        ("{}", ""),
        (r#" {"a":"b"} "#, "a text b"),
        (r#"{"\u0061":"\"ü\n"}"#, "a text \"ü\n"),
        (r#"{"n":12,"b":true,"z":null}"#, "n json 12\nb json true\nz json null"),
        (r#"{"o":{"x":["}"]},"l":[1, 2]}"#, "o json {\"x\":[\"}\"]}\nl json [1, 2]"),
        (r#"{"a":"1","a":"2"}"#, "a text 1\na text 2"),
        ("", "-"),
        ("[]", "-"),
        (r#""{}""#, "-"),
        (r#"{"a":"b"} {}"#, "-"),
        (r#"{"a":"b""#, "-"),
        (r#"{"a" "b"}"#, "-"),
        (r#"{a:"b"}"#, "-"),
        (r#"{"a":"b",}"#, "-"),
    ];
    for (text, expected) in table {
        assert_eq!(members(text), expected, "{text}");
    }
}

#[test]
fn skipping_without_validation_ends_where_parsing_does() {
    for value in [
        r#""""#,
        r#""a\"]}\\""#,
        "-1.5e+3",
        "2E-1",
        "null",
        "true",
        "{}",
        "[ [ ] , {\"]\":\"}\\\\\"} ]",
        r#"{"a":[1,{"b":"\\\"{"}],"c":{}}"#,
    ] {
        let text = format!(" {value} ,1]");
        let (mut passed, mut read) = (Reader::new(&text, 10), Reader::new(&text, 10));
        passed.skip_valid().unwrap();
        read.skip().unwrap();
        assert_eq!(passed.text_from(1), value);
        assert_eq!(passed.text_from(1), read.text_from(1));
    }
    for cut in ["", "[", "{\"a\":\"]}", "[\"\\"] {
        assert!(Reader::new(cut, 10).skip_valid().is_err(), "{cut}");
    }
}
