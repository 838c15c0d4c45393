//! What the response to a write waits for.

use connector_status::protocol::outbox::{Awaited, Until};

#[test]
fn a_response_waits_until_lists_and_searches_show_what_elasticsearch_shows_at_once() {
    use Until::{Delivered, Settled};
    let cases = [
        ("_create", false, Delivered, false),
        ("_name", true, Delivered, false),
        ("_status", true, Settled, false),
        ("_delete", true, Delivered, true),
        ("_delete", false, Delivered, false),
    ];
    for (via, are_jobs_pending, directory, jobs) in cases {
        let awaited = Awaited { directory, jobs };
        assert_eq!(Awaited::by_write(via, are_jobs_pending), awaited, "{via}");
    }
    let awaited = Awaited { directory: Delivered, jobs: true };
    assert_eq!(Awaited::by_restore(true), awaited);
}
