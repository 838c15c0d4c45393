//! Model checks of the protocols between objects, which explore everything that can happen.
//!
//! Each model runs the code of `src/protocol` and adds what the edge adds: messages that are late,
//! lost, duplicated or out of order, callers that time out, and objects that crash between any two
//! steps and restart from what they stored. docs/proofs.md lists the bounds of each model.

// Tests may panic, in helper functions too.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod adoption;
mod claims;
mod copies;
mod entries;
mod guards;
mod jobs;
mod network;
mod refresh;
mod story;
mod tickets;
mod walks;
mod webhooks;
