//! What the objects agree on among themselves, as state machines without I/O: the edge reads, calls
//! and stores; what to do next is decided here.

pub mod adoption;
pub mod claims;
pub mod directory;
pub mod jobs;
pub mod outbox;
pub mod refresh;
pub mod summaries;
pub mod tickets;
pub mod webhooks;
