//! Explores each model as far as possible in seconds, and beyond that by random histories.
//! `MODELS=long` goes further, which takes minutes.

use crate::claims::Names;
use crate::copies::Copies;
use crate::entries::Entries;
use crate::jobs::SyncJobs;
use crate::story::{check, wander};

fn goes_far() -> bool {
    std::env::var("MODELS").as_deref() == Ok("long")
}

macro_rules! walks {
    ($(#[$doc:meta] $walk:ident, $wander:ident: $model:ident, $steps:literal;)*) => {$(
        #[$doc]
        #[test]
        fn $walk() {
            for (name, model) in $model::walks(goes_far()) {
                check(name, model);
            }
        }

        #[test]
        fn $wander() {
            wander(stringify!($wander), &$model::wide(), $steps);
        }
    )*};
}

walks! {
    /// Whatever happens to messages and objects.
    two_connectors_never_hold_one_index, connectors_never_share_an_index_in_random_histories: Names, 80;
    /// Even if entries are late, lost, duplicated or out of order.
    lists_never_go_back_and_show_what_was_acknowledged, lists_are_right_in_random_histories: Entries, 80;
    /// Even if reports of jobs are late, lost, duplicated or out of order.
    searches_for_sync_jobs_never_go_back, searches_are_right_in_random_histories: SyncJobs, 80;
    /// Whatever happens to writes.
    a_copy_in_workers_kv_equals_its_connector, copies_are_right_in_random_histories: Copies, 80;
}
