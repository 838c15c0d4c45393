//! Random lives of a connector: whatever is asked of it, its status moves along the table or by
//! the endpoints that are entitled to move it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

use connector_status::api::{self, Call, Commit, Operation, Request};
use connector_status::connector::Connector;
use connector_status::status::Status;
use connector_status::values::Time;
use proptest::prelude::*;

fn request(method: &str, path: &str, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        target: format!("/_connector/a{path}"),
        body: body.to_owned(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    }
}

/// What the object does, without the object.
fn carry_out(before: Option<Connector>, request: &Request) -> (u16, Option<Connector>, String) {
    let failed = |failure: api::ApiError| (failure.status, failure.to_json());
    let write = match api::read(request).1 {
        Ok(Call::Connector(_, Operation::Write(write))) => write,
        Ok(other) => panic!("not a write: {other:?}"),
        Err(failure) => {
            let (status, body) = failed(failure);
            return (status, before, body);
        }
    };
    match api::decide("a", write, before.as_ref(), Time::from_millis(0)) {
        Ok(written) => {
            let after = match written.commit {
                Commit::Nothing => before,
                Commit::Put(connector) => Some(connector),
                Commit::Patch(delta) => before.map(|connector| delta.apply(connector)),
                Commit::Erase => None,
            };
            (written.response.status, after, written.response.body)
        }
        Err(failure) => {
            let (status, body) = failed(failure);
            (status, before, body)
        }
    }
}

fn any_write() -> impl Strategy<Value = Request> {
    let status = prop::sample::select(Status::ALL.to_vec());
    prop_oneof![
        8 => status.prop_map(|to| {
            request("PUT", "/_status", &format!(r#"{{"status":"{to}"}}"#))
        }),
        1 => Just(request("PUT", "/_check_in", "")),
        1 => any::<bool>().prop_map(|native| {
            request("PUT", "", &format!(r#"{{"is_native":{native}}}"#))
        }),
        1 => prop::sample::select(vec!["", "?hard=true"]).prop_map(|how| request("DELETE", how, "")),
    ]
}

proptest! {
    #[test]
    fn status_moves_along_the_table_only(writes in prop::collection::vec(any_write(), 1..40)) {
        let mut connector: Option<Connector> = None;
        for write in writes {
            let from = connector.as_ref().map(Connector::status);
            let (status, after, body) = carry_out(connector, &write);
            let to = after.as_ref().map(Connector::status);
            if write.target.ends_with("/_status") && status == 200 {
                let (Some(from), Some(to)) = (from, to) else { panic!("{body}") };
                prop_assert!(from.can_become(to), "{} -> {}", from, to);
                let result = if from == to { "noop" } else { "updated" };
                prop_assert_eq!(body, format!(r#"{{"result":"{result}"}}"#));
            } else if write.method == "PUT" && write.target == "/_connector/a" {
                let fresh = [Status::Created, Status::NeedsConfiguration];
                prop_assert!(fresh.map(Some).contains(&to));
            } else if status >= 400 || write.target.ends_with("/_check_in") {
                prop_assert_eq!(from, to);
            }
            connector = after;
        }
    }

    #[test]
    fn a_second_time_is_a_noop_or_refused(to in prop::sample::select(Status::ALL.to_vec())) {
        let write = request("PUT", "/_status", &format!(r#"{{"status":"{to}"}}"#));
        for from in Status::ALL {
            let before = Connector::from_json(&format!(r#"{{"status":"{from}"}}"#)).ok();
            let (first, after, _) = carry_out(before, &write);
            if first == 200 {
                let (_, again, body) = carry_out(after.clone(), &write);
                prop_assert_eq!(&again, &after);
                let repeatable = to.can_become(to);
                prop_assert_eq!(body == r#"{"result":"noop"}"#, repeatable);
            }
        }
    }
}
