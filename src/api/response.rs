//! Responses, and the format that the caller asked for.

use serde::Serialize;
use serde_json::json;

use super::error::{ApiError, UNWRITABLE};
use super::filter_path::{self, FilterPath, PrintError};
use super::media::Media;
use super::query::Query;
use crate::budget::{Budget, Purpose};
use crate::secrets::Visible;
use crate::values::json::to_text;

#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    /// JSON, empty if there is no body.
    pub body: String,
    /// The `Allow` header.
    pub allow: Option<&'static str>,
    /// Whether secrets in the body are masked.
    pub is_masked: bool,
}

impl Response {
    /// A response with a body that is serialized already.
    pub fn text(status: u16, body: String) -> Self {
        Self { status, body, allow: None, is_masked: false }
    }

    /// A response with that body; 500 if it can't be written as JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, body: &T) -> Self {
        match to_text(body) {
            Ok(text) => Self::text(status, text),
            Err(_) => Self::unwritable(),
        }
    }

    /// A response with what a caller may see of a document.
    pub(super) fn of_document(visible: &Visible<'_>, body: String) -> Self {
        Self::text(200, body).with_document(visible)
    }

    /// Notes that the body contains what a caller may see of a document.
    pub(super) fn with_document(self, visible: &Visible<'_>) -> Self {
        Self { is_masked: visible.is_masked(), ..self }
    }

    /// 500: a body can't be written as JSON.
    pub(super) fn unwritable() -> Self {
        Self::text(500, UNWRITABLE.to_owned())
    }

    pub fn empty(status: u16) -> Self {
        Self::text(status, String::new())
    }
}

/// The format that the caller asked for.
#[derive(Clone, Debug, Default)]
pub struct Format {
    pub media: Media,
    pretty: bool,
    filter: FilterPath,
}

impl Format {
    /// Reads the parameters that every route accepts.
    pub(super) fn read(&mut self, query: &mut Query) -> Result<(), ApiError> {
        // Accepted, but without effect here.
        query.text("format");
        query.switch("human")?;
        query.switch("error_trace")?;
        let pretty = query.switch("pretty")?;
        self.filter = FilterPath::parse(&query.text("filter_path").unwrap_or_default())?;
        self.pretty = pretty;
        Ok(())
    }

    /// Whether bodies need no further formatting.
    pub fn is_plain(&self) -> bool {
        !self.pretty && self.filter.is_empty()
    }

    /// The response in this format.
    pub fn success(&self, response: Response) -> Response {
        if self.is_plain() {
            return response;
        }
        let mut budget = Budget::new(Purpose::Format);
        match filter_path::print(&response.body, &self.filter, self.pretty, &mut budget) {
            Ok(body) => Response { body, ..response },
            Err(PrintError::OverBudget(over)) => self.failure(&over.into()),
            Err(PrintError::Syntax(_)) => response,
        }
    }

    /// An error response in this format. `filter_path` doesn't apply to errors.
    pub fn failure(&self, failure: &ApiError) -> Response {
        let text = failure.to_json();
        let body = if self.pretty {
            let (no_filter, mut budget) = (FilterPath::default(), Budget::new(Purpose::Format));
            filter_path::print(&text, &no_filter, true, &mut budget).unwrap_or(text)
        } else {
            text
        };
        Response { allow: failure.allow, ..Response::text(failure.status, body) }
    }

    pub fn result(&self, result: Result<Response, ApiError>) -> Response {
        match result {
            Ok(response) => self.success(response),
            Err(failure) => self.failure(&failure),
        }
    }
}

/// The newest Elasticsearch version whose connector service has been tested with this API.
pub const ELASTICSEARCH_VERSION: &str = "9.6.0";

/// The response to `GET /`. Elasticsearch's clients check the build flavor. Connector services check the
/// version and don't start if it is older than their own.
pub fn info(version: &str) -> Response {
    Response::json(
        200,
        &json!({
            "name": "connector-status",
            "cluster_name": "connector-status",
            "cluster_uuid": "connector-status",
            "version": {
                "number": version,
                "build_flavor": "default",
                "build_type": "worker",
                "build_hash": env!("CARGO_PKG_VERSION"),
                "build_date": "2026-01-01T00:00:00.000Z",
                "build_snapshot": false,
                "lucene_version": "10.1.0",
                "minimum_wire_compatibility_version": "8.19.0",
                "minimum_index_compatibility_version": "8.0.0",
            },
            "tagline": "You Know, for Search",
        }),
    )
}
