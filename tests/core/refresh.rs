//! When a change may be acknowledged before searches show it, and which objects a refresh asks.

use std::collections::BTreeSet;

use connector_status::protocol::refresh::{
    ASKED, LEASE_MS, Lease, Next, Recent, TooMany, WINDOW_MS, next,
};
use proptest::prelude::*;

const NOW: u64 = 1_772_000_000_000;

fn lease(sent_at: u64) -> Lease {
    let mut lease = Lease::default();
    lease.renew(sent_at);
    lease
}

#[test]
fn a_lease_lasts_for_a_fixed_time_after_the_update_was_sent() {
    assert!(!Lease::default().holds(NOW));
    assert!(lease(NOW).holds(NOW));
    assert!(lease(NOW).holds(NOW + LEASE_MS - 1));
    assert!(!lease(NOW).holds(NOW + LEASE_MS));
    // A late reply does not shorten a newer lease.
    let mut late = lease(NOW);
    late.renew(NOW - 500);
    assert_eq!(late, lease(NOW));
    // If the clock was set back, the lease does not hold.
    assert!(!lease(NOW).holds(NOW - 1));
}

#[test]
fn a_pending_change_waits_for_its_update_unless_a_lease_holds() {
    let held = lease(NOW);
    let over = lease(NOW - LEASE_MS);
    assert_eq!(next(false, over, false, NOW), Next::Acknowledge);
    assert_eq!(next(true, held, false, NOW), Next::Acknowledge);
    assert_eq!(next(true, held, true, NOW), Next::Acknowledge);
    assert_eq!(next(true, over, false, NOW), Next::Send);
    // A change made while an update is in progress waits for that update.
    assert_eq!(next(true, over, true, NOW), Next::Wait);
}

#[test]
fn a_refresh_asks_the_objects_that_sent_a_message_recently() {
    let mut recent = Recent::new(NOW);
    recent.note("early", NOW);
    recent.note("late", NOW + WINDOW_MS - 1);
    let asked = |now: u64, elsewhere: &[&str]| {
        let elsewhere = elsewhere.iter().map(|id| (*id).to_owned());
        recent.to_ask(elsewhere, now).unwrap().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(asked(NOW + WINDOW_MS - 1, &[]), ["early", "late"]);
    assert_eq!(asked(NOW + WINDOW_MS, &["behind", "late"]), ["behind", "late"]);
    assert_eq!(asked(NOW + 2 * WINDOW_MS, &[]), [""; 0]);
    // Messages from before the Directory started are looked up in its rows.
    assert_eq!(recent.gap(NOW + 1), Some(NOW + 1 - WINDOW_MS));
    assert_eq!(recent.gap(NOW + WINDOW_MS), None);
}

#[test]
fn a_refresh_that_would_ask_too_many_objects_is_refused() {
    let mut recent = Recent::new(NOW);
    for n in 0..ASKED {
        recent.note(&n.to_string(), NOW);
    }
    assert_eq!(recent.to_ask([], NOW).map(|ids| ids.len()), Ok(ASKED));
    assert_eq!(recent.to_ask(["more".to_owned()], NOW), Err(TooMany(ASKED + 1)));
}

proptest! {
    /// Removing old entries never changes which objects are asked.
    #[test]
    fn no_object_is_removed_too_early(pauses in prop::collection::vec(0..8_u64, 3_000..6_000)) {
        let mut recent = Recent::new(NOW);
        let mut heard = Vec::new();
        let mut now = NOW;
        for (n, pause) in pauses.into_iter().enumerate() {
            now += pause;
            let id = (n % 5_000).to_string();
            recent.note(&id, now);
            heard.push((id, now));
        }
        let expected: BTreeSet<String> = heard
            .into_iter()
            .filter(|(_, at)| now - at < WINDOW_MS)
            .map(|(id, _)| id)
            .collect();
        let asked = recent.to_ask([], now);
        match expected.len() <= ASKED {
            true => prop_assert_eq!(asked, Ok(expected.into_iter().collect())),
            false => prop_assert_eq!(asked, Err(TooMany(expected.len()))),
        }
    }
}
