//! The npm package: what a page calls.
//!
//! Two builds. The check (feature `browser`) is the transition table and nothing else: statuses
//! cross the boundary as integers, so that it needs neither serde nor an allocator. The preview
//! (feature `preview`) is the whole core.

#[cfg(feature = "browser")]
mod check;
#[cfg(feature = "preview")]
mod preview;
