//! How far each model is walked through. `MODELS=long` goes further, which takes minutes.

use crate::claims::{self, A, B, DELETED_A, Names};
use crate::copies::{self, Copies};
use crate::entries::{self, Entries};
use crate::jobs::SyncJobs;
use crate::network::Budget;
use crate::story::check;

/// The first of two bounds, or with `MODELS=long` the second.
fn bound<T>(short: T, long: T) -> T {
    if std::env::var("MODELS").as_deref() == Ok("long") { long } else { short }
}

const NONE: Budget = Budget { edits: 0, lost: 0, doubled: 0, crashes: 0, timeouts: 0 };

#[test]
fn two_connectors_never_hold_one_index_while_two_requests_change_one_of_them() {
    use claims::Edit::{Create, Delete, Rename, Restore};
    check(
        "claims: two requests at once",
        Names {
            starts: vec![vec![None, DELETED_A], vec![A, DELETED_A]],
            edits: vec![Create("a"), Rename("b"), Restore, Delete],
            at_once: 2,
            budget: Budget { edits: bound(2, 3), timeouts: 1, ..NONE },
        },
    );
}

#[test]
fn two_connectors_never_hold_one_index_when_messages_are_lost_late_or_doubled() {
    use claims::Edit::{Create, Detach, Erase};
    check(
        "claims: bad messages",
        Names {
            starts: vec![vec![None, None], vec![A, None]],
            edits: vec![Create("a"), Detach, Erase],
            at_once: 2,
            budget: Budget { edits: bound(2, 3), lost: 1, doubled: 1, timeouts: 1, ..NONE },
        },
    );
}

#[test]
fn two_connectors_never_hold_one_index_when_objects_die() {
    use claims::Edit::{Create, Delete, Restore};
    check(
        "claims: objects that die",
        Names {
            starts: vec![vec![None, None], vec![A, DELETED_A]],
            edits: vec![Create("a"), Restore, Delete],
            at_once: 2,
            budget: Budget { edits: bound(2, 3), crashes: bound(1, 2), timeouts: 1, ..NONE },
        },
    );
}

#[test]
fn three_connectors_never_share_two_names() {
    use claims::Edit::{Create, Detach, Rename};
    check(
        "claims: three connectors, two names",
        Names {
            starts: vec![vec![A, B, None]],
            edits: vec![Rename("a"), Rename("b"), Create("a"), Detach],
            at_once: 1,
            budget: Budget { edits: 3, timeouts: bound(0, 1), ..NONE },
        },
    );
}

#[test]
fn lists_never_go_back_and_show_what_was_acknowledged_whatever_becomes_of_messages() {
    use entries::Edit::{Erase, Move, Write};
    check(
        "entries: bad messages",
        Entries {
            edits: vec![Move, Write, Erase],
            budget: Budget { edits: 2, lost: 1, doubled: bound(0, 1), timeouts: 1, ..NONE },
            spoils: false,
        },
    );
}

#[test]
fn lists_never_go_back_and_show_what_was_acknowledged_when_objects_die() {
    use entries::Edit::{Erase, Move, Write};
    check(
        "entries: objects that die",
        Entries {
            edits: vec![Move, Write, Erase],
            budget: Budget { edits: 2, doubled: 1, crashes: 1, lost: bound(0, 1), ..NONE },
            spoils: false,
        },
    );
}

#[test]
fn a_row_that_was_spoiled_is_right_after_reindex() {
    check(
        "entries: _reindex",
        Entries {
            edits: vec![entries::Edit::Move, entries::Edit::Write],
            budget: Budget { edits: bound(1, 2), timeouts: 1, crashes: bound(0, 1), ..NONE },
            spoils: true,
        },
    );
}

#[test]
fn searches_for_sync_jobs_never_go_back_and_show_what_was_acknowledged() {
    let budget = Budget {
        edits: bound(3, 4),
        lost: bound(0, 1),
        doubled: bound(0, 1),
        crashes: 1,
        timeouts: 1,
    };
    check("sync jobs", SyncJobs { budget });
}

#[test]
fn a_copy_in_workers_kv_equals_its_connector_whatever_becomes_of_writes() {
    check(
        "copies",
        Copies {
            edits: vec![copies::Edit::Change],
            budget: Budget { edits: bound(2, 3), lost: bound(1, 2), crashes: 1, ..NONE },
            half_days: 0,
            steps: 8,
        },
    );
}

#[test]
fn a_copy_in_workers_kv_equals_its_connector_beside_heartbeats() {
    use copies::Edit::{Change, Heartbeat};
    check(
        "copies: heartbeats",
        Copies {
            edits: vec![Change, Heartbeat],
            budget: Budget { edits: 3, lost: bound(0, 1), crashes: 1, ..NONE },
            half_days: 1,
            steps: bound(4, 6),
        },
    );
}
