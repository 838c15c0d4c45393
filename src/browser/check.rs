//! Whether one status may follow another.

use wasm_bindgen::prelude::*;

use crate::status::Status;

/// What the code generated for the enum does with an integer that its JavaScript half never sends:
/// the standard macro's message would bring a formatter and an allocator with it, 11 kB.
macro_rules! unreachable {
    ($($message:tt)*) => {
        std::process::abort()
    };
}

/// The status of a connector.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum ConnectorStatus {
    /// It exists; no connector service has picked it up yet.
    Created = "created",
    /// The connector service has said what it needs to know.
    NeedsConfiguration = "needs_configuration",
    /// The configuration is filled in.
    Configured = "configured",
    /// The connector service reaches its source.
    Connected = "connected",
    /// The connector service has reported a failure.
    Error = "error",
}

impl ConnectorStatus {
    /// `None` for what is no status at all.
    fn known(self) -> Option<Status> {
        match self {
            Self::Created => Some(Status::Created),
            Self::NeedsConfiguration => Some(Status::NeedsConfiguration),
            Self::Configured => Some(Status::Configured),
            Self::Connected => Some(Status::Connected),
            Self::Error => Some(Status::Error),
            Self::__Invalid => None,
        }
    }
}

/// Whether `to` may follow `from`; `undefined` if one of them is no status.
#[wasm_bindgen]
pub fn check(from: ConnectorStatus, to: ConnectorStatus) -> Option<bool> {
    Some(from.known()?.can_become(to.known()?))
}
