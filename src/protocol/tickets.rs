//! Tickets for live updates: each opens one socket.
//!
//! The Directory stores used tickets until they expire. A Worker checks the expiry before the request
//! reaches the Directory, but a late request may arrive when the Directory has already deleted the
//! ticket. So the Directory checks the expiry again.

/// The Directory's decision about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Open a socket, and store the ticket as used.
    Admitted,
    UsedBefore,
    Expired,
}

/// `until`: when the ticket expires. `is_stored`: it is stored as used.
pub fn check(until: u64, is_stored: bool, now: u64) -> Verdict {
    if is_expired(until, now) {
        return Verdict::Expired;
    }
    if is_stored { Verdict::UsedBefore } else { Verdict::Admitted }
}

/// Whether a ticket that expires at `until` has expired. If it was used, its row may be deleted.
pub fn is_expired(until: u64, now: u64) -> bool {
    until < now
}
