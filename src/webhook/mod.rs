//! Webhooks by the Standard Webhooks specification: which messages a target is sent, and what becomes
//! of them. Pure: settings, changes and the time are handed in.
//!
//! ```text
//! changes since --collect--> messages --compose--> body --sign--> request --judge--> outcome
//! ```

mod collect;
mod delivery;
mod gather;
mod message;
mod settings;
mod view;

pub use collect::{Change, ChangeRow, Collected, HELD_LIMIT, Progress, collect};
pub use delivery::{Next, Outcome, Reply, TIME_LIMIT_MS, next_attempt, sign};
pub use gather::{Gathering, Group, Verdict};
pub use message::{
    EventType, Happening, Message, Summary, compose, misconfigured, summarize, target_ended,
    test_messages, test_summary, with_sharing,
};
pub use settings::{Address, Problem, Secret, Settings, Target};
pub use view::{Delivery, Entry, show, test_result, test_results};
