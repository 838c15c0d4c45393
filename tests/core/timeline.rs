//! The numbers of connectors by status over the last days.

use connector_status::directory::timeline::{Counts, MARK_SECONDS, Mark, Step, steps};
use connector_status::values::Time;

const MARK: u64 = MARK_SECONDS * 1_000;

fn counts(connected: u64, error: u64) -> Counts {
    let all = [("connected", connected), ("error", error)];
    all.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect()
}

fn step(at: u64, by_status: Counts) -> Step {
    Step { at: Time::from_millis(at).to_string(), by_status }
}

#[test]
fn a_mark_has_the_numbers_before_its_change() {
    let mark = |at, connected, error| Mark { at, before: counts(connected, error) };
    let from = 10 * MARK + 1_000;
    for (marks, now, expected) in [
        (vec![], counts(3, 0), vec![step(from, counts(3, 0))]),
        (
            vec![mark(12, 3, 0), mark(15, 1, 2)],
            counts(3, 0),
            vec![
                step(from, counts(3, 0)),
                step(12 * MARK, counts(1, 2)),
                step(15 * MARK, counts(3, 0)),
            ],
        ),
        // A change that began within the previous five minutes is shown from the start.
        (vec![mark(10, 3, 0)], counts(2, 1), vec![step(from, counts(2, 1))]),
        // A change that is reverted within five minutes is not a step.
        (
            vec![mark(12, 3, 0), mark(15, 3, 0)],
            counts(2, 1),
            vec![step(from, counts(3, 0)), step(15 * MARK, counts(2, 1))],
        ),
        // There was nothing before the first connector.
        (
            vec![mark(12, 0, 0)],
            counts(1, 0),
            vec![step(from, counts(0, 0)), step(12 * MARK, counts(1, 0))],
        ),
    ] {
        assert_eq!(steps(marks.clone(), now, from), expected, "{marks:?}");
    }
}
