//! The tests of the core, natively: one program, since cargo links a program for each file otherwise.

// A panic is how a test fails, outside of test functions too.
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
mod readme;
mod searches;
mod secrets;
mod stored;
mod summary;
mod sync_jobs;
mod tables;
mod timeline;
mod transitions;
mod webhooks;
mod wildcard;
