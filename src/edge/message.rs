//! What the Worker tells the object of a connector.

use crate::api::Request;

/// Where a request comes from, for the history and the log.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The id of the API key that came with it.
    pub by: Option<String>,
    /// What the request is called in the log.
    pub request_id: Option<String>,
}

/// A request that has been found sound, to be carried out.
#[derive(Debug, Default)]
pub struct Message {
    /// Whom it concerns.
    pub id: String,
    /// The request.
    pub request: Request,
    /// Whose it is.
    pub origin: Origin,
    /// The caller's own name for the request, for the answer.
    pub opaque_id: Option<String>,
}

impl Message {
    /// A line each, the id first and the body last: nothing but the body can hold a line feed.
    pub fn to_text(&self) -> String {
        let Self { id, request, origin, opaque_id } = self;
        [
            id,
            &request.method,
            &request.target,
            line(&request.content_type),
            line(&request.accept),
            line(&request.if_match),
            line(&request.if_none_match),
            line(&origin.by),
            line(&origin.request_id),
            line(opaque_id),
            &request.body,
        ]
        .join("\n")
    }

    /// Reads a message.
    pub fn parse(text: &str) -> Self {
        let mut lines = text.splitn(11, '\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let present = |line: String| Some(line).filter(|line| !line.is_empty());
        let mut message = Self { id: line(), ..Self::default() };
        message.request.method = line();
        message.request.target = line();
        message.request.content_type = present(line());
        message.request.accept = present(line());
        message.request.if_match = present(line());
        message.request.if_none_match = present(line());
        message.origin.by = present(line());
        message.origin.request_id = present(line());
        message.opaque_id = present(line());
        message.request.body = line();
        message
    }
}

fn line(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}
