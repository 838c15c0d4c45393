//! The protocols between objects, checked by walking through everything that can happen.
//!
//! Each model runs the code of `src/protocol` and adds what the edge adds: messages that are late,
//! lost, doubled or out of order, callers who give up, and objects that die between any two steps and
//! start over from what they stored. docs/proofs.md says how far each one goes.

// A panic is how a test fails, outside of test functions too.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod claims;
mod copies;
mod entries;
mod jobs;
mod network;
mod story;
mod walks;
