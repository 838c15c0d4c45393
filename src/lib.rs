//! The rules of the Elasticsearch Connector API - first of all, which status may follow which -
//! in one crate that runs on the edge and in the page.
//!
//! | module | what it holds | built with |
//! |---|---|---|
//! | [`status`] | the transition table | always |
//! | [`connector`] | the document and every change to it | always |
//! | [`directory`] | what a list filters and sorts by | always |
//! | [`values`] | the grammars of single values: dates, schedules, index names, patterns | always |
//! | [`api`] | what a request means and how it is answered | always |
//! | `edge` | the Cloudflare Worker | feature `edge` |
//! | `browser` | the npm package | features `browser` (the check), `preview` (the whole core) |
//!
//! The first five are pure: no HTTP library, no clock, no randomness, no I/O.

pub mod api;
pub mod connector;
pub mod directory;
pub mod status;
pub mod values;

#[cfg(any(feature = "browser", feature = "preview"))]
mod browser;
#[cfg(feature = "edge")]
mod edge;
