//! The rules of the Elasticsearch Connector API, above all which status may follow which, in one
//! crate that runs in a Cloudflare Worker and in web pages.
//!
//! | module | contents | built with |
//! |---|---|---|
//! | [`status`] | the transition table | always |
//! | [`document`] | merging changes into documents | always |
//! | [`connector`] | the connector document and its updates | always |
//! | [`recent_values`] | values that fields had recently, for clients that send back whole documents | always |
//! | [`sync_job`] | sync jobs: their transition table, document and updates | always |
//! | [`query`] | search queries, evaluated document by document | always |
//! | [`directory`] | filtering, sorting and searching lists of connectors | always |
//! | [`protocol`] | protocols between objects, as state machines | always |
//! | [`webhook`] | webhook messages, signatures and retries | always |
//! | [`secrets`] | masking of secrets for read-only callers | always |
//! | [`values`] | parsers: dates, schedules, index names, patterns, JSON | always |
//! | [`limits`] | every limit on what a caller may send, store or ask for | always |
//! | [`budget`] | how much work one request may cause | always |
//! | [`api`] | requests and responses, as text | always |
//! | `edge` | the Cloudflare Worker | feature `edge` |
//! | `browser` | the npm package | features `browser` (the check), `preview` (the whole core) |
//!
//! All but the last two are pure: no HTTP library, no clock, no randomness, no I/O. The crate isn't
//! published, so only the rule itself and the limits must document every item.

pub mod api;
pub mod budget;
pub mod connector;
pub mod directory;
pub mod document;
#[warn(missing_docs)]
pub mod limits;
pub mod protocol;
pub mod query;
pub mod recent_values;
pub mod secrets;
#[warn(missing_docs)]
pub mod status;
pub mod sync_job;
pub mod values;
pub mod webhook;

#[cfg(any(feature = "browser", feature = "preview"))]
mod browser;
#[cfg(feature = "edge")]
mod edge;
