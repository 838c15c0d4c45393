//! The rules of the Elasticsearch Connector API - first of all, which status may follow which -
//! in one crate that runs on the edge and in the page.
//!
//! | module | what it holds | built with |
//! |---|---|---|
//! | [`status`] | the transition table | always |
//! | [`document`] | how a change becomes part of a document | always |
//! | [`connector`] | the document and every change to it | always |
//! | [`sync_job`] | the jobs of connectors: their own table, documents, changes | always |
//! | [`query`] | what a search asks of a document | always |
//! | [`directory`] | what a list filters and sorts by | always |
//! | [`protocol`] | what the objects agree on among themselves | always |
//! | [`webhook`] | which messages targets are sent, and what becomes of them | always |
//! | [`secrets`] | what of a document only those see who may change it | always |
//! | [`values`] | small grammars: dates, schedules, index names, patterns, JSON | always |
//! | [`limits`] | every limit on what a caller may send, store or ask for | always |
//! | [`budget`] | how much work one request may cause | always |
//! | [`api`] | what a request means and how it is answered | always |
//! | `edge` | the Cloudflare Worker | feature `edge` |
//! | `browser` | the npm package | features `browser` (the check), `preview` (the whole core) |
//!
//! All but the last two are pure: no HTTP library, no clock, no randomness, no I/O.

pub mod api;
pub mod budget;
pub mod connector;
pub mod directory;
pub mod document;
pub mod limits;
pub mod protocol;
pub mod query;
pub mod secrets;
pub mod status;
pub mod sync_job;
pub mod values;
pub mod webhook;

#[cfg(any(feature = "browser", feature = "preview"))]
mod browser;
#[cfg(feature = "edge")]
mod edge;
