//! Secrets in documents: the values of a configuration that say `"sensitive": true`.
//!
//! Whoever may only read gets documents without them. A response is made of a document only by way of
//! [`Visible`], which only [`Secrets::visible`] makes; the Directory keeps both texts, so that a search
//! finds no more than its caller may see.

use std::borrow::Cow;

use serde_json::Value;

use crate::values::json;

/// What stands in place of a secret, as in Elasticsearch's own answers.
pub const MASK: &str = "::es_redacted::";

/// Whether a caller is shown secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Secrets {
    /// They are masked.
    #[default]
    Masked,
    /// They are shown.
    Shown,
}

impl Secrets {
    /// A document, or a part of one, as the caller may see it.
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
    /// The JSON.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Whether it differs from the document.
    pub fn is_masked(&self) -> bool {
        self.is_masked
    }
}

/// The JSON with its secrets masked; `None` if it has none.
pub fn mask(json: &str) -> Option<String> {
    // What is stored is compact, and most of it has no secrets: those texts need not be parsed.
    let may_be_set = |rest: &str| !rest.starts_with("false") && !rest.starts_with("null");
    if !json.split("\"sensitive\":").skip(1).any(may_be_set) {
        return None;
    }
    match json::parse(json) {
        Ok(mut value) => mask_value(&mut value).then(|| value.to_string()),
        // Whether it has secrets is not known.
        Err(_) => Some("{}".to_owned()),
    }
}

/// Masks the secrets in a value; tells whether it has some. Bounded by the depth that is parsed.
fn mask_value(value: &mut Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().map(mask_value).fold(false, |a, b| a | b),
        Value::Object(members) => {
            let is_sensitive =
                !matches!(members.get("sensitive"), None | Some(Value::Null | Value::Bool(false)));
            let mut has_secrets = false;
            for (name, member) in members.iter_mut() {
                has_secrets |= match name == "value" && is_sensitive {
                    true => mask_secret(member),
                    false => mask_value(member),
                };
            }
            has_secrets
        }
        _ => false,
    }
}

/// That there is no value is no secret.
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
