//! One connector and what becomes of it: the core as the Worker uses it, without the Worker.

#![allow(dead_code, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use connector_status::api::{
    self, ApiError, Call, Current, Format, Operation, Precondition, Request, Response,
};
use connector_status::connector::Connector;
use connector_status::values::Time;

/// A request with a JSON body, or without a body if that is empty.
pub fn request(method: &str, target: &str, body: &str) -> Request {
    Request {
        method: method.to_owned(),
        target: target.to_owned(),
        body: body.to_owned(),
        content_type: Some("application/json".to_owned()),
        ..Request::default()
    }
}

/// A connector, the tombstone of one, or none.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub connector: Option<Connector>,
    /// Counts the changes.
    pub version: u64,
}

impl World {
    /// The connector as a Worker imports it: at version 1.
    pub fn of(connector: Option<Connector>) -> Self {
        let version = u64::from(connector.is_some());
        Self { connector, version }
    }

    /// Carries out a request about the connector `id`, at `now` in milliseconds since 1970.
    pub fn send(&mut self, id: &str, request: &Request, now: u64) -> Response {
        let (format, call) = api::read(request);
        let result = call.and_then(|call| self.carry_out(id, request, call, now, &format));
        match result {
            Ok(response) => response,
            Err(failure) => format.failure(&failure),
        }
    }

    fn carry_out(
        &mut self,
        id: &str,
        request: &Request,
        call: Call,
        now: u64,
        format: &Format,
    ) -> Result<Response, ApiError> {
        let connector = self.connector.as_ref();
        let response = match call {
            Call::Info => api::info(),
            Call::Options(allow) => Response { allow: Some(allow), ..Response::empty(200) },
            Call::Connector(asked, operation) => {
                assert_eq!(asked, id);
                match operation {
                    Operation::Get { include_deleted, .. } => {
                        let json = connector.map(Connector::to_json).unwrap_or_default();
                        api::show(id, include_deleted, connector.map(|found| (found, &*json)))?
                    }
                    Operation::Status { .. } => {
                        let alive = connector.filter(|connector| !connector.is_deleted());
                        let alive = alive.ok_or_else(|| ApiError::not_found(id))?;
                        api::status_view(id, alive, Vec::new())
                    }
                    Operation::Write(write) => {
                        let version = self.version;
                        let current = connector.map(|connector| Current { connector, version });
                        let condition = Precondition::of(request);
                        let now = Time::from_millis(now);
                        let decision = api::decide(id, write, &condition, current, now)?;
                        self.version += u64::from(decision.commit != api::Commit::Nothing);
                        self.connector = decision.commit.apply(self.connector.take());
                        decision.response
                    }
                }
            }
            other => panic!("{request:?} is not about one connector with a known id: {other:?}"),
        };
        Ok(format.success(response))
    }
}
