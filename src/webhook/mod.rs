//! Webhooks according to the Standard Webhooks specification. A target is an endpoint that is set up to
//! receive messages. Pure: settings, changes and the time are passed in.
//!
//! ```text
//! changes --collect--> notifications --compose--> message --sign--> request, reply --> next step
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
    EventType, Message, Notification, Summary, compose, misconfigured, summarize, target_ended,
    test_messages, test_summary, with_sharing,
};
pub use settings::{Address, Problem, Secret, Settings, Target};
pub use view::{Delivery, TargetStatus, show, test_result, test_results};
