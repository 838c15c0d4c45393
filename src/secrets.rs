//! Secrets in documents: configuration values marked `"sensitive": true`.
//!
//! Read-only callers get documents with their secrets masked. Responses take documents as [`Visible`],
//! which only [`Secrets::visible`] makes, so none can skip the masking. The Directory stores both
//! texts, so that a search matches only what its caller may see.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::json;

/// Replaces a secret. Elasticsearch uses the same text.
pub const MASK: &str = "::es_redacted::";

/// Whether a caller is shown secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Secrets {
    #[default]
    Masked,
    Shown,
}

impl Secrets {
    /// Masks the secrets of a document, or of a part of one, unless the caller may see them.
    pub fn visible(self, json: &str) -> Visible<'_> {
        let masked = match self {
            Self::Masked => mask(json),
            Self::Shown => None,
        };
        Visible { is_masked: masked.is_some(), json: masked.map_or(json.into(), Cow::Owned) }
    }
}

/// The JSON of a document as a caller may see it.
#[derive(Clone, Debug)]
pub struct Visible<'a> {
    json: Cow<'a, str>,
    is_masked: bool,
}

impl Visible<'_> {
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether secrets were masked.
    pub fn is_masked(&self) -> bool {
        self.is_masked
    }
}

/// The JSON with its secrets masked; `None` if it has none.
pub fn mask(json: &str) -> Option<String> {
    // Stored JSON is compact and rarely has secrets: most documents need no parsing.
    let may_be_set = |rest: &str| !rest.starts_with("false") && !rest.starts_with("null");
    if !json.split("\"sensitive\":").skip(1).any(may_be_set) {
        return None;
    }
    match json::parse(json) {
        Ok(mut value) => mask_value(&mut value).then(|| value.to_string()),
        // It may contain secrets: show nothing.
        Err(_) => Some("{}".to_owned()),
    }
}

/// Masks the secrets in a value; returns whether there were any. Recursion is bounded by the parser's
/// depth limit.
fn mask_value(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().map(mask_value).fold(false, |a, b| a | b),
        Value::Object(members) => {
            let is_sensitive =
                !matches!(members.get("sensitive"), None | Some(Value::Null | Value::Bool(false)));
            let mut has_secrets = false;
            for (name, member) in members.iter_mut() {
                has_secrets |= if name == "value" && is_sensitive {
                    mask_secret(member)
                } else {
                    mask_value(member)
                };
            }
            has_secrets
        }
        _ => false,
    }
}

/// Empty values stay: that a secret isn't set is not a secret.
fn mask_secret(value: &mut Value) -> bool {
    let is_set = match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        _ => true,
    };
    if is_set {
        *value = MASK.into();
    }
    is_set
}
