//! Claims of index names, as connectors and the Directory see them: a name is used only if it was granted.

use connector_status::api::Commit;
use connector_status::connector::{Connector, Fields, Patch};
use connector_status::protocol::claims::{
    Answer, Change, Claim, Claims, Inquiry, Next, Question, Rival, Verdict,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn claim(id: &str, token: &str) -> Claim {
    Claim { index: "i".to_owned(), id: id.to_owned(), token: token.to_owned() }
}

fn connector(fields: Value) -> Connector {
    let Value::Object(mut fields) = fields else { panic!("{fields}") };
    fields.insert("status".to_owned(), "created".into());
    Connector::from_fields(fields).unwrap()
}

/// The decision about an `_update`.
fn update(before: &Connector, doc: Value) -> Commit {
    let Value::Object(doc) = doc else { panic!("{doc}") };
    Patch::merge(doc).diff(before).map_or(Commit::Nothing, Commit::Patch)
}

fn index_fields() -> impl Strategy<Value = Value> {
    let index =
        prop_oneof![Just(None), Just(Some(json!(null))), "[ab]".prop_map(|i| Some(json!(i)))];
    let deleted = prop_oneof![
        Just(None),
        Just(Some(json!(null))),
        any::<bool>().prop_map(|deleted| Some(json!(deleted)))
    ];
    (index, deleted).prop_map(|(index, deleted)| {
        let named = [("index_name", index), ("deleted", deleted)];
        let fields = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(Fields::from_iter(fields))
    })
}

proptest! {
    #[test]
    fn a_commit_needs_a_claim_only_for_an_index_it_did_not_hold_before(
        before in proptest::option::of(index_fields()),
        (doc, kind) in (index_fields(), 0..4),
    ) {
        let before = before.map(connector);
        let commit = match (kind, &before) {
            (0, _) => Commit::Nothing,
            (1, _) => Commit::Erase,
            (2, Some(before)) => update(before, doc),
            _ => Commit::Put(connector(doc)),
        };
        let taken = commit.taken_index(before.as_ref()).map(str::to_owned);
        let held = before.as_ref().and_then(Connector::held_index).map(str::to_owned);
        let after = Change::apply(commit, before);
        let holds = after.as_ref().and_then(Connector::held_index).map(str::to_owned);
        prop_assert_eq!(taken, holds.filter(|index| held.as_ref() != Some(index)));
    }
}

#[test]
fn a_document_takes_an_index_only_with_a_granted_claim_for_that_index() {
    let taking = |index: &str| Commit::Put(connector(json!({ "index_name": index })));
    let mut claims = Claims::default();
    claims.open(claim("c", "t"));
    let missing = |claims: &Claims, index, token| claims.succeed(None, taking(index), token).err();
    let wanted = |index: &str| Some(index.to_owned());
    assert_eq!(missing(&claims, "i", Some("t")), wanted("i"), "it is not granted yet");
    claims.grant("t");
    assert_eq!(missing(&claims, "i", Some("t")), None);
    assert_eq!(missing(&claims, "i", None), wanted("i"), "the claim is another request's");
    assert_eq!(missing(&claims, "other", Some("t")), wanted("other"));
    // An index that the committed document already holds needs no claim.
    let before = connector(json!({ "index_name": "i" }));
    let renamed = update(&before, json!({ "name": "n" }));
    assert_eq!(claims.succeed(Some(before), renamed, None).unwrap().into_parts().1, None);
    claims.abandon("t");
    assert_eq!(missing(&claims, "i", Some("t")), wanted("i"), "it was released");
    claims.grant("t");
    assert_eq!(missing(&claims, "i", Some("t")), wanted("i"), "a late grant changes nothing");
}

#[test]
fn ending_one_claim_of_a_connector_does_not_end_another() {
    let mut claims = Claims::default();
    for token in ["1", "2", "3"] {
        claims.open(claim("c", token));
        claims.grant(token);
    }
    claims.commit(Some("1"));
    assert_eq!(claims.abandon("1"), None, "what is committed is not released");
    assert_eq!(claims.abandon("2"), Some(claim("c", "2")));
    assert!(claims.is_claiming("i"));
    claims.refuse("3");
    assert_eq!(claims.abandon("3"), None, "what was refused is not released");
    assert!(!claims.is_claiming("i"));
    let settled = [("i".to_owned(), "1".to_owned())];
    assert_eq!(claims.committed(), settled);
    claims.acknowledge(&settled);
    assert!(claims.committed().is_empty());
}

#[test]
fn a_claim_that_is_not_used_is_released() {
    let mut claims = Claims::default();
    claims.open(claim("c", "t"));
    claims.grant("t");
    let before = connector(json!({ "index_name": "i" }));
    let detached = update(&before, json!({ "index_name": null }));
    let (document, token) = claims.succeed(Some(before), detached, Some("t")).unwrap().into_parts();
    assert_eq!((document.unwrap().held_index(), token.as_deref()), (None, None));
    claims.commit(token.as_deref());
    assert_eq!(claims.abandon("t"), Some(claim("c", "t")));
}

#[test]
fn an_index_is_granted_once_every_rival_was_asked_and_none_holds_or_claims_it() {
    let rival = |id: &str, token: Option<&str>| Rival {
        id: id.to_owned(),
        token: token.map(str::to_owned),
    };
    let mut inquiry = Inquiry::new(claim("c", "t"));
    let rivals = [rival("a", Some("1")), rival("b", None), rival("a", Some("2"))];
    let Next::Ask(question) = inquiry.next(&rivals) else { panic!("{inquiry:?}") };
    let tokens = vec!["1".to_owned(), "2".to_owned()];
    let asked = Question { id: "a".to_owned(), index: "i".to_owned(), tokens: tokens.clone() };
    assert_eq!(question, asked);
    assert_eq!(asked.clone().answered(Answer::Holds), Verdict::Refuse);
    assert_eq!(asked.clone().answered(Answer::Claims), Verdict::Refuse);
    assert_eq!(asked.answered(Answer::Neither), Verdict::Forget(tokens));
    let Next::Ask(question) = inquiry.next(&rivals[1..2]) else { panic!("{inquiry:?}") };
    assert_eq!((question.id.as_str(), question.tokens.len()), ("b", 0));
    assert_eq!(inquiry.next(&[]), Next::Grant(claim("c", "t")));
    let mut asked = 2;
    while let Next::Ask(_) = inquiry.next(&rivals) {
        asked += 1;
    }
    assert_eq!((asked, inquiry.next(&rivals)), (8, Next::GiveUp));
}
