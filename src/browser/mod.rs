//! The WebAssembly exports of the npm package, in two builds. The check (feature `browser`) has only
//! the transition table: statuses cross the boundary as integers, so it needs neither serde nor an
//! allocator. The preview (feature `preview`) has the whole core.

#[cfg(feature = "browser")]
mod check;
#[cfg(feature = "preview")]
mod preview;
