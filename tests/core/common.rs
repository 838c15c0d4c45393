//! One connector, one of its sync jobs, and how requests change them: the core without the Worker.

use connector_status::api::{
    self, ApiError, Call, Commit, Current, Decision, Format, Index, Operation, Precondition,
    Request, Response, SyncJobOperation, openapi,
};
use connector_status::connector::Connector;
use connector_status::document::Document;
use connector_status::secrets::{Secrets, Visible};
use connector_status::sync_job::{SyncJob, SyncJobId};
use connector_status::values::{Time, json};
use serde_json::Value;

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

pub fn openapi_document() -> Value {
    openapi::document(json::parse_object(include_str!("../../src/api/openapi.json")).unwrap())
}

/// The id of the connector's sync job.
pub fn job_id(connector: &str) -> SyncJobId {
    SyncJobId::new("j1", connector)
}

/// A connector, its tombstone, or neither; and the same for one of its sync jobs.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub connector: Option<Connector>,
    /// Incremented by each change.
    pub version: u64,
    pub job: Option<SyncJob>,
    pub job_version: u64,
    /// Why the protocol does not allow the latest change; `None` if it does.
    pub off_protocol: Option<String>,
}

impl World {
    /// A world with a connector as imported: at version 1.
    pub fn of(connector: Option<Connector>) -> Self {
        let version = u64::from(connector.is_some());
        Self { connector, version, ..Self::default() }
    }

    /// Adds a sync job, also at version 1.
    pub fn with_job(self, job: Option<SyncJob>) -> Self {
        Self { job_version: u64::from(job.is_some()), job, ..self }
    }

    /// Carries out a request about the connector `id` at `now`, in milliseconds since 1970.
    pub fn send(&mut self, id: &str, request: &Request, now: u64) -> Response {
        let (format, call) = api::read(request);
        self.off_protocol = None;
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
            Call::Info => api::info(api::ELASTICSEARCH_VERSION),
            Call::Options(allow) => Response { allow: Some(allow), ..Response::empty(200) },
            Call::Connector(asked, operation) => {
                assert_eq!(asked, id);
                match operation {
                    Operation::Get { include_deleted, .. } => {
                        let json = connector.map(|it| it.to_json().unwrap()).unwrap_or_default();
                        api::show(
                            id,
                            include_deleted,
                            connector.map(|found| (found, visible(&json))),
                        )?
                    }
                    Operation::Status { .. } => {
                        let alive = connector.filter(|connector| !connector.is_deleted());
                        let alive = alive.ok_or_else(|| ApiError::not_found(id))?;
                        api::status_view(id, alive, None, Vec::new(), None)
                    }
                    Operation::Document => {
                        let json = connector.map(|it| it.to_json().unwrap());
                        let found = json.as_deref().map(|json| (self.version, visible(json)));
                        api::show_document(Index::Connectors, id, found)
                    }
                    Operation::Write(write) => {
                        let version = self.version;
                        let current = connector.map(|document| Current {
                            document,
                            version,
                            recent_values: None,
                        });
                        let condition = Precondition::of(request);
                        let now = Time::from_millis(now);
                        let decision = api::decide(id, &write, &condition, current, now)?;
                        self.off_protocol = off_protocol(&decision);
                        commit(&mut self.connector, &mut self.version, decision)
                    }
                }
            }
            Call::Static(response) => response,
            Call::Refresh => api::refreshed(),
            Call::CreateSyncJob(asked, creation) => {
                let connector = connector.filter(|_| asked == id);
                let now = Time::from_millis(now);
                let decision = api::create_sync_job(&job_id(&asked), creation, connector, now)?;
                self.off_protocol = off_protocol(&decision);
                commit(&mut self.job, &mut self.job_version, decision)
            }
            Call::SyncJob(asked, operation) => {
                let job = self.job.as_ref().filter(|_| asked == job_id(id));
                match operation {
                    SyncJobOperation::Get => {
                        let json = job.map(|job| job.to_json().unwrap());
                        api::show_sync_job(&asked, json.as_deref().map(visible))?
                    }
                    SyncJobOperation::Document => {
                        let json = job.map(|job| job.to_json().unwrap());
                        let found = json.as_deref().map(|json| (self.job_version, visible(json)));
                        api::show_document(Index::SyncJobs, asked.as_str(), found)
                    }
                    SyncJobOperation::Write(write) => {
                        let version = self.job_version;
                        let current =
                            job.map(|document| Current { document, version, recent_values: None });
                        let condition = Precondition::of(request);
                        let now = Time::from_millis(now);
                        let decision = api::decide_sync_job(
                            &asked, write, &condition, current, connector, now,
                        )?;
                        self.off_protocol = off_protocol(&decision);
                        commit(&mut self.job, &mut self.job_version, decision)
                    }
                }
            }
            other => panic!("{request:?} is not about one connector with a known id: {other:?}"),
        };
        Ok(format.success(response))
    }
}

fn commit<D: Document + PartialEq>(
    document: &mut Option<D>,
    version: &mut u64,
    decision: Decision<D>,
) -> Response {
    *version += u64::from(decision.commit != Commit::Nothing);
    *document = decision.commit.apply(document.take());
    decision.response
}

fn visible(json: &str) -> Visible<'_> {
    Secrets::Shown.visible(json)
}

fn off_protocol<D: Clone>(decision: &Decision<D>) -> Option<String> {
    let failure = decision.clone().strict().err()?;
    let json: serde_json::Value = serde_json::from_str(&failure.to_json()).unwrap();
    json["error"]["reason"].as_str().map(str::to_owned)
}
