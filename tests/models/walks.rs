//! Explores each model as far as possible in seconds, and beyond that by random histories.
//! `MODELS=long` goes further, which takes minutes.

use crate::adoption::Imports;
use crate::claims::Names;
use crate::copies::Copies;
use crate::entries::Entries;
use crate::jobs::SyncJobs;
use crate::refresh::Searches;
use crate::story::{check, wander};
use crate::tickets::Tickets;
use crate::webhooks::Targets;

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
    /// Even if updates about jobs are late, lost, duplicated or out of order.
    searches_for_sync_jobs_never_go_back, searches_are_right_in_random_histories: SyncJobs, 80;
    /// Whatever happens to writes.
    a_copy_in_workers_kv_equals_its_connector, copies_are_right_in_random_histories: Copies, 80;
    /// Even if messages are late or lost, and objects crash.
    searches_after_refresh_show_what_was_acknowledged, searches_after_refresh_are_right_in_random_histories: Searches, 150;
    /// Even if Workers KV is slow, stale or unavailable.
    an_import_is_adopted_once_and_replaces_nothing, imports_are_right_in_random_histories: Imports, 80;
    /// However late its requests are.
    a_ticket_opens_one_socket, tickets_are_right_in_random_histories: Tickets, 40;
    /// Even if requests fail, responses are lost and objects crash.
    every_change_is_sent_to_webhooks_or_reported_as_given_up, webhooks_are_right_in_random_histories: Targets, 80;
}
