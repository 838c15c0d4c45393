//! Small grammars of single values: dates, schedules, index names, wildcard patterns.

pub mod cron;
mod index_name;
mod time;
pub mod wildcard;

pub use index_name::{IndexName, NATIVE_INDEX_PREFIX};
pub use time::Time;
