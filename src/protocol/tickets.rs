//! Tickets to watch with: each opens one socket.
//!
//! The Directory stores which tickets were used, until they expire. A Worker has checked the time before
//! the request reaches the Directory, but the request may be late: by then the Directory may have
//! forgotten that the ticket was used. So the time is checked again there.

/// What the Directory makes of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It opens a socket, and is stored as used.
    Admitted,
    /// It has opened one.
    UsedBefore,
    /// It has expired.
    Expired,
}

/// Decides about a ticket that ends at `until`. `is_stored`: it is stored as used.
pub fn judge(until: u64, is_stored: bool, now: u64) -> Verdict {
    if is_forgotten(until, now) {
        return Verdict::Expired;
    }
    if is_stored { Verdict::UsedBefore } else { Verdict::Admitted }
}

/// Whether a used ticket that ends at `until` need not be stored any longer.
pub fn is_forgotten(until: u64, now: u64) -> bool {
    until < now
}
