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
        let mut lines = Lines(text);
        let mut message = Self { id: lines.next(), ..Self::default() };
        message.request.method = lines.next();
        message.request.target = lines.next();
        message.request.content_type = lines.next_present();
        message.request.accept = lines.next_present();
        message.request.if_match = lines.next_present();
        message.request.if_none_match = lines.next_present();
        message.origin.by = lines.next_present();
        message.origin.request_id = lines.next_present();
        message.opaque_id = lines.next_present();
        message.request.body = lines.0.to_owned();
        message
    }
}

fn line(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

/// A text that is read line by line. The lines are short: to look at each byte is faster than what
/// the standard library has for long ones.
pub(super) struct Lines<'a>(pub &'a str);

impl Lines<'_> {
    /// The next line; empty if there is none.
    pub(super) fn next(&mut self) -> String {
        let end = self.0.bytes().position(|byte| byte == b'\n');
        let (line, rest) = match end.and_then(|end| self.0.split_at_checked(end)) {
            Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
            None => (self.0, ""),
        };
        self.0 = rest;
        line.to_owned()
    }

    /// The next line, if there is something in it.
    pub(super) fn next_present(&mut self) -> Option<String> {
        Some(self.next()).filter(|line| !line.is_empty())
    }
}
