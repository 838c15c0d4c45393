//! Golden tests of the stored forms. Deployed objects hold these forms: changing one needs a reader
//! for the old one.

use connector_status::connector::{Connector, Creation};
use connector_status::values::Time;

fn connector() -> Connector {
    Creation {
        description: Some("What sales has".to_owned()),
        index_name: Some("search-google-drive".to_owned()),
        is_native: false,
        language: Some("en".to_owned()),
        name: Some("My Connector".to_owned()),
        service_type: Some("google_drive".to_owned()),
    }
    .connector(Time::from_millis(1_700_000_000_123))
}

/// The object's row and the value in Workers KV have the same form.
#[test]
fn a_new_document_has_the_stored_form() {
    let all = r#"{"advanced_snippet":{"created_at":"2023-11-14T22:13:20.123Z","updated_at":"2023-11-14T22:13:20.123Z","value":{}},"rules":[{"created_at":"2023-11-14T22:13:20.123Z","field":"_","id":"DEFAULT","order":0,"policy":"include","rule":"regex","updated_at":"2023-11-14T22:13:20.123Z","value":".*"}],"validation":{"errors":[],"state":"valid"}}"#;
    let off = r#"{"enabled":false,"interval":"0 0 0 * * ?"}"#;
    let golden = format!(
        r#"{{"configuration":{{}},"custom_scheduling":{{}},"description":"What sales has","filtering":[{{"active":{all},"domain":"DEFAULT","draft":{all}}}],"index_name":"search-google-drive","is_native":false,"language":"en","name":"My Connector","scheduling":{{"access_control":{off},"full":{off},"incremental":{off}}},"service_type":"google_drive","status":"created","sync_now":false,"deleted":false}}"#
    );
    assert_eq!(connector().to_json().unwrap(), golden);
    let read = Connector::from_json(&golden).expect("what was written can be read");
    assert_eq!(read, connector());
}

#[test]
fn imported_documents_are_normalized_or_refused() {
    let cases = [
        (r#"{"status":"CONNECTED","x":{"y":[1]}}"#, Ok(r#"{"status":"connected","x":{"y":[1]}}"#)),
        (r#"{"id":"a","status":"error","error":null}"#, Ok(r#"{"status":"error","error":null}"#)),
        (r#"{"status":"gone"}"#, Err("unknown status [gone]")),
        (r#"{"status":null}"#, Err("[status] is null, not a string")),
        (r#"{"name":"a"}"#, Err("[status] is missing")),
        ("[]", Err("it is not a JSON object")),
        ("", Err("Expected a value, found the end of the JSON at line 1 column 1")),
        ("{\n\"a\":}", Err("Expected a value, found [}] at line 2 column 5")),
        (
            r#"{"status":"error"} x"#,
            Err("Expected nothing after the value, found [x] at line 1 column 20"),
        ),
        (r#"{"status":"gone","status":"error"}"#, Ok(r#"{"status":"error"}"#)),
    ];
    for (text, expected) in cases {
        let read = Connector::from_json(text).and_then(|connector| connector.to_json());
        assert_eq!(read, expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
}
