//! Responses, and the format in which the caller wants them.

use serde_json::{Value, json};

use super::error::ApiError;
use super::filter_path::{self, FilterPath, Unprinted};
use super::media::Media;
use super::query::Query;
use crate::budget::{Budget, Purpose};
use crate::secrets::Visible;

/// What a caller is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// JSON text; empty if there is no body.
    pub body: String,
    /// The methods that the path has, for the `Allow` header.
    pub allow: Option<&'static str>,
    /// Whether the body has masks where documents have secrets.
    pub is_masked: bool,
}

impl Response {
    /// A response whose body is JSON text already.
    pub fn text(status: u16, body: String) -> Self {
        Self { status, body, allow: None, is_masked: false }
    }

    /// A response with that body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    /// A response made of what a caller may see of a document.
    pub(super) fn of_document(visible: &Visible<'_>, body: String) -> Self {
        Self { is_masked: visible.is_masked(), ..Self::text(200, body) }
    }

    /// A response without a body.
    pub fn empty(status: u16) -> Self {
        Self::text(status, String::new())
    }
}

/// The format in which the caller wants the response.
#[derive(Clone, Debug, Default)]
pub struct Format {
    /// The media type.
    pub media: Media,
    pretty: bool,
    filter: FilterPath,
}

impl Format {
    /// Takes the parameters that every route understands.
    ///
    /// # Errors
    /// 400 if one of them has a bad value.
    pub(super) fn read(&mut self, query: &mut Query) -> Result<(), ApiError> {
        // Asked for only so that they are not unknown; what they would change, this API has not.
        query.text("format");
        query.switch("human")?;
        query.switch("error_trace")?;
        let pretty = query.switch("pretty")?;
        self.filter = FilterPath::parse(&query.text("filter_path").unwrap_or_default())?;
        self.pretty = pretty;
        Ok(())
    }

    /// Whether a body of ours is in this form already.
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
            Err(Unprinted::OverBudget(over)) => self.failure(&over.into()),
            Err(Unprinted::Syntax(_)) => response,
        }
    }

    /// The response to a failure in this format; its body is not filtered.
    pub fn failure(&self, failure: &ApiError) -> Response {
        let text = failure.to_json();
        let everything = FilterPath::default();
        let mut budget = Budget::new(Purpose::Format);
        let body = match self.pretty {
            true => filter_path::print(&text, &everything, true, &mut budget).unwrap_or(text),
            false => text,
        };
        Response { allow: failure.allow, ..Response::text(failure.status, body) }
    }

    /// The response to a success or a failure, in this format.
    pub fn result(&self, result: Result<Response, ApiError>) -> Response {
        match result {
            Ok(response) => self.success(response),
            Err(failure) => self.failure(&failure),
        }
    }
}

/// The newest version of Elasticsearch whose connector service is known to work with this.
pub const ELASTICSEARCH_VERSION: &str = "9.6.0";

/// What `GET /` says. Elasticsearch's clients read the flavor, connector services the version: they
/// refuse to start on one that is older than their own.
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
