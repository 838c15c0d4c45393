//! Scans of Workers KV for documents to import. The first list waits for the first scan. Later scans run in
//! the background, and only while lists are requested: each costs operations of Workers KV.

/// How far apart two scans are.
pub const GAP_MS: u64 = 5 * 60_000;

/// What a list does about scans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub starts_scan: bool,
    pub waits_for_scan: bool,
}

/// `last`: when the last complete scan started, in milliseconds since 1970; 0: there was none.
pub fn plan(last: u64, is_running: bool, now: u64) -> Plan {
    // The absolute difference: the clock may have been set back.
    let is_due = now.abs_diff(last) > GAP_MS;
    Plan { starts_scan: is_due && !is_running, waits_for_scan: last == 0 }
}
