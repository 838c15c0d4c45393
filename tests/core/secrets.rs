//! Documents as shown to callers that may only read.

use connector_status::secrets::{MASK, Secrets, mask};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[test]
fn a_sensitive_value_is_masked_wherever_it_occurs() {
    let secret = |value: Value| json!({ "label": "Token", "sensitive": true, "value": value });
    for (document, expected) in [
        (
            json!({ "configuration": { "token": secret("s3cret".into()) } }),
            Some(json!({ "configuration": { "token": secret(MASK.into()) } })),
        ),
        // A sync job has a copy of its connector's configuration.
        (
            json!({ "connector": { "configuration": { "token": secret(json!([1, "s"])) } } }),
            Some(json!({ "connector": { "configuration": { "token": secret(MASK.into()) } } })),
        ),
        // Empty values are not masked.
        (json!({ "a": secret(Value::Null), "b": secret("".into()) }), None),
        (json!({ "a": { "sensitive": false, "value": "v" } }), None),
        (json!({ "a": { "sensitive": null, "value": "v" }, "b": { "value": "v" } }), None),
        // An import may have another type.
        (
            json!([{ "value": 5, "sensitive": "true" }]),
            Some(json!([{ "value": MASK, "sensitive": "true" }])),
        ),
    ] {
        let json = document.to_string();
        let expected = expected.map(|expected| expected.to_string());
        assert_eq!(mask(&json), expected, "{json}");
        assert_eq!(Secrets::Shown.visible(&json).json(), json);
        let masked = Secrets::Masked.visible(&json);
        assert_eq!(masked.json(), expected.as_deref().unwrap_or(&json));
        assert_eq!(masked.is_masked(), expected.is_some());
    }
}

#[test]
fn a_configuration_that_cannot_be_read_is_hidden() {
    assert_eq!(mask(r#"{"sensitive":true,"value":"s"#).as_deref(), Some("{}"));
}

fn fields() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!("SECRET")),
        Just(json!(0.123_456_789_012_345_67)),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 5, |inner| {
        let names = prop_oneof![Just("value"), Just("sensitive"), Just("configuration"), Just("a")];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..5).prop_map(|members| {
                Value::Object(members.into_iter().map(|(n, v)| (n.to_owned(), v)).collect())
            }),
        ]
    })
}

/// Whether any object with `"sensitive": true` has a value.
fn has_secret(value: &Value) -> bool {
    let of_members = |members: &Map<String, Value>| {
        let is_set = |value: &Value| !value.is_null() && *value != json!("") && *value != MASK;
        let is_secret = members.get("sensitive") == Some(&Value::Bool(true));
        is_secret && members.get("value").is_some_and(is_set)
    };
    match value {
        Value::Array(items) => items.iter().any(has_secret),
        Value::Object(members) => of_members(members) || members.values().any(has_secret),
        _ => false,
    }
}

proptest! {
    #[test]
    fn no_shown_document_contains_a_secret(document in fields()) {
        let json = document.to_string();
        let masked: Value = serde_json::from_str(Secrets::Masked.visible(&json).json()).unwrap();
        prop_assert!(!has_secret(&masked), "{json} -> {masked}");
        if !has_secret(&document) && !json.contains(r#""sensitive":"#) {
            prop_assert_eq!(masked, document);
        }
    }
}
