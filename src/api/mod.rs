//! Requests and responses. Pure: reads text, returns text.
//!
//! ```text
//! Request --read--> Call --decide / show--> Response
//! ```
//! `call` declares the types, `read` parses a request into them, `decide` applies a write. Parsing needs
//! only the request, so the Worker rejects bad input before it calls a Durable Object. Deciding needs the
//! connector: it runs in the connector's object, and in the npm package to preview what the Worker would
//! respond.

mod access;
mod audit;
mod backup;
mod call;
mod cluster;
mod decide;
mod documents;
mod endpoints;
mod error;
pub(crate) mod filter_path;
mod history;
mod intent;
mod media;
pub mod openapi;
mod precondition;
mod query;
mod read;
mod response;
mod route;
mod schema;
mod summary;
mod sync_jobs;
mod ticket;

pub use access::{
    Admitted, AuthError, Caller, Credentials, Key, PRIVILEGES_REQUEST, Privilege, cors_origin,
    foreign_fingerprint, sha256,
};
pub use audit::{AuditQuery, Edit, SavedEdit, StatusChange, field_names, show_audit, show_events};
pub use backup::{
    Backup, Saved, SavedChange, SavedConnector, SavedJob, SavedJobRow, SavedJobs, SavedState,
    already_there, no_rewind, show_backup, show_ids, too_many_indices,
};
pub use call::{Call, List, Operation, Request, Watch, Write, wants_page};
pub use cluster::{ACCESS_HEADERS, without_access_cookies};
pub use decide::{Commit, Current, Decision, decide, show};
pub use documents::{
    DocumentUpdate, Finder, HitPrinter, Index, Piece, SCROLL_PREFIX, SEQ_NO_LAG, Search, View,
    refreshed, show as show_document, unrefreshed,
};
pub use endpoints::{Endpoint, SyncJobEndpoint};
pub use error::{ApiError, Cause};
pub use history::status_view;
pub use intent::Intent;
pub use media::Media;
pub use precondition::{Precondition, etag, etag_of};
pub use read::{id_problem, read, read_about_connectors};
pub use response::{ELASTICSEARCH_VERSION, Format, Response, info};
pub use route::{is_ours, may_scroll};
pub use sync_jobs::{
    SyncJobCreation, SyncJobOperation, SyncJobWrite, create_sync_job, decide_sync_job,
    show_sync_job,
};
pub use ticket::{TICKET_LIFE_MS, Ticket};
