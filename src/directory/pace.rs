//! Rate limiting of live updates over WebSockets.

/// The minimum interval between messages to a socket.
const MESSAGE_INTERVAL_MS: u64 = 250;
/// How long a heartbeat waits for other changes to be sent with it.
const HEARTBEAT_DELAY_MS: u64 = 1_000;

/// How long to wait before sending a change. If the clock was set back, both times count as now.
pub fn send_delay_ms(now: u64, changed_at: u64, last_sent_at: u64, is_urgent: bool) -> u64 {
    let delay = if is_urgent { 0 } else { HEARTBEAT_DELAY_MS };
    let left = |interval: u64, since: u64| interval.saturating_sub(now.saturating_sub(since));
    left(delay, changed_at).max(left(MESSAGE_INTERVAL_MS, last_sent_at))
}
