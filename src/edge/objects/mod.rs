//! The Durable Objects: one for each connector, and the Directory.

pub(super) mod connector;
pub(super) mod directory;
