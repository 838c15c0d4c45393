//! When Workers KV is scanned for documents to import, and which lists wait for it.

use connector_status::protocol::scans::{GAP_MS, Plan, plan};

const NOW: u64 = 1_772_000_000_000;

#[test]
fn lists_start_scans_that_are_due_and_wait_for_the_first() {
    // (the last scan, whether one is running, whether this list starts one, whether it waits)
    let cases = [
        (0, false, true, true),
        (0, true, false, true),
        (NOW - GAP_MS, false, false, false),
        (NOW - GAP_MS - 1, false, true, false),
        (NOW - GAP_MS - 1, true, false, false),
        // The clock was set back.
        (NOW + GAP_MS + 1, false, true, false),
    ];
    for (last, is_running, starts_scan, waits_for_scan) in cases {
        let expected = Plan { starts_scan, waits_for_scan };
        assert_eq!(plan(last, is_running, NOW), expected, "{last} {is_running}");
    }
}
