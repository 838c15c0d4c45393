//! The core's native tests, in one program, because cargo would link a program for each file.

// Tests may panic, in helper functions too.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod access;
mod arbitrary;
mod architecture;
mod backups;
mod budget;
mod causes;
mod claims;
mod common;
mod connector;
mod contributing;
mod cron;
mod dates;
mod directory;
mod documents;
mod histories;
mod json;
mod limits;
mod openapi;
mod outbox;
mod readme;
mod refresh;
mod scans;
mod searches;
mod secrets;
mod sorted;
mod stored;
mod summary;
mod sync_jobs;
mod tables;
mod tickets;
mod timeline;
mod transitions;
mod webhooks;
mod whole_documents;
mod wildcard;
