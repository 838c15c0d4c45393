//! The npm package's check of a transition.

use wasm_bindgen::prelude::*;

use crate::status::Status;

/// Replaces the standard macro in the code generated for the enum. It is called for integers that the
/// JavaScript side never sends, and the standard message would add a formatter and an allocator, 11 kB.
macro_rules! unreachable {
    ($($message:tt)*) => {
        std::process::abort()
    };
}

/// The status of a connector.
#[wasm_bindgen]
#[derive(Clone, Copy, Debug)]
pub enum ConnectorStatus {
    /// No connector service has picked it up yet.
    Created = "created",
    /// The connector service has registered its configuration fields; a user has to fill them in.
    NeedsConfiguration = "needs_configuration",
    /// The configuration is filled in; the connector service hasn't reached the source yet.
    Configured = "configured",
    /// The connector service has reached the source.
    Connected = "connected",
    /// The connector service has reported a failure.
    Error = "error",
}

impl ConnectorStatus {
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

/// Whether `to` may follow `from`; `undefined` if one of them is not a status.
#[wasm_bindgen]
pub fn check(from: ConnectorStatus, to: ConnectorStatus) -> Option<bool> {
    Some(from.known()?.can_become(to.known()?))
}
