//! When those who watch are told.

/// How far apart messages to a socket are, in milliseconds.
const GAP_MS: u64 = 250;
/// How long heartbeats alone wait.
const HEARTBEAT_GAP_MS: u64 = 1_000;

/// How long something waits that came at one time, after a message at another. The clock may have been
/// set back since: then it is as if both had just happened.
pub fn wait_ms(now: u64, came_at: u64, last_sent_at: u64, is_urgent: bool) -> u64 {
    let gathering = if is_urgent { 0 } else { HEARTBEAT_GAP_MS };
    let left = |of: u64, since: u64| of.saturating_sub(now.saturating_sub(since));
    left(gathering, came_at).max(left(GAP_MS, last_sent_at))
}
