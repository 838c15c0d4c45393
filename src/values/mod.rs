//! Parsers for small formats: dates, schedules, index names, wildcard patterns, JSON.

pub mod cron;
mod index_name;
pub mod json;
mod time;
pub mod wildcard;

pub use index_name::{IndexName, NATIVE_INDEX_PREFIX};
pub use time::Time;
