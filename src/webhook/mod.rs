//! Webhooks by the Standard Webhooks specification: which messages a target is sent, and what becomes
//! of them. Pure: settings, changes and the time are handed in.
//!
//! ```text
//! changes since --collect--> messages --compose--> body --sign--> request --judge--> outcome
//! ```

mod collect;
mod delivery;
mod message;
mod settings;
mod view;

pub use collect::{Change, Collected, Progress, collect};
pub use delivery::{Outcome, Reply, TIME_LIMIT_MS, next_attempt, sign};
pub use message::{EventType, Happening, Message, compose, test_message};
pub use settings::{Settings, Target};
pub use view::{Entry, show, test_result, test_results};
