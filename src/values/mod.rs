//! Parsers for small formats: dates, schedules, index names, wildcard patterns, JSON; and sorted lists.

pub mod cron;
mod index_name;
pub mod json;
pub mod sorted;
mod time;
pub mod wildcard;

pub use index_name::{IndexName, NATIVE_INDEX_PREFIX};
pub use time::Time;
