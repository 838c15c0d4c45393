//! The protocols between the objects, as state machines without I/O. They decide what to do next; the
//! edge reads, calls and stores.

pub mod adoption;
pub mod claims;
pub mod directory;
pub mod jobs;
pub mod outbox;
pub mod refresh;
pub mod scans;
pub mod summaries;
pub mod tickets;
pub mod webhooks;
