//! Which watch tickets the Directory accepts.

use connector_status::protocol::tickets::{Verdict, check, is_expired};

const UNTIL: u64 = 1_772_000_000_000;

#[test]
fn a_ticket_opens_only_one_socket() {
    assert_eq!(check(UNTIL, false, UNTIL), Verdict::Admitted);
    assert_eq!(check(UNTIL, true, UNTIL), Verdict::UsedBefore);
}

#[test]
fn an_expired_ticket_is_refused_whether_it_was_used_or_not() {
    assert_eq!(check(UNTIL, false, UNTIL + 1), Verdict::Expired);
    assert_eq!(check(UNTIL, true, UNTIL + 1), Verdict::Expired);
}

#[test]
fn a_used_ticket_is_remembered_until_it_expires() {
    for now in [0, UNTIL - 1, UNTIL, UNTIL + 1, u64::MAX] {
        assert_eq!(is_expired(UNTIL, now), check(UNTIL, false, now) == Verdict::Expired);
    }
}
