//! The table of transitions, compared with the protocol written out again.

use connector_status::status::Status;

/// As the protocol states it: a status and the statuses that may follow.
const PROTOCOL: [(&str, [bool; 5]); 5] = [
    //                       created needs_configuration configured connected error
    ("created", [false, true, false, false, true]),
    ("needs_configuration", [false, false, true, false, true]),
    ("configured", [false, true, true, true, true]),
    ("connected", [false, false, true, true, true]),
    ("error", [false, false, true, true, true]),
];

fn pairs() -> impl Iterator<Item = (Status, Status, bool)> {
    let status = |name| Status::parse(name).expect("a known status");
    PROTOCOL.into_iter().flat_map(move |(from, row)| {
        let columns = PROTOCOL.into_iter().map(|(to, _)| to);
        columns.zip(row).map(move |(to, allowed)| (status(from), status(to), allowed))
    })
}

#[test]
fn exactly_the_25_pairs_of_the_protocol_are_allowed_or_refused() {
    assert_eq!(pairs().count(), 25);
    assert_eq!(pairs().filter(|(_, _, allowed)| *allowed).count(), 14);
    for (from, to, allowed) in pairs() {
        assert_eq!(from.can_become(to), allowed, "{from} -> {to}");
        assert_eq!(from.next().contains(&to), allowed, "{from} -> {to}");
    }
}

#[test]
fn a_refusal_has_the_reason_of_upstream_and_a_legal_move_has_none() {
    for (from, to, allowed) in pairs() {
        let explained = from.explain(to).map(|transition| transition.to_string());
        let sentence = format!(
            "Invalid transition attempt from [{from}] to [{to}]. Such a status transition is not \
             supported by the Connector Protocol."
        );
        assert_eq!(explained, (!allowed).then_some(sentence));
    }
}

#[test]
fn status_names_are_parsed_in_any_case_and_written_in_lower_case() {
    for status in Status::ALL {
        for name in [status.name().to_owned(), status.name().to_uppercase()] {
            assert_eq!(Status::parse(&name), Some(status));
        }
        assert_eq!(status.to_string(), status.name().to_lowercase());
    }
    for name in ["", " connected", "connecte", "connected\0", "none"] {
        assert_eq!(Status::parse(name), None, "{name:?}");
    }
}

#[test]
fn no_move_leads_to_created() {
    for status in Status::ALL {
        assert_eq!(status.mover().who == "nobody", status == Status::Created, "{status}");
    }
}
