//! `filtering`: which content a connector syncs. Users edit a draft, the connector service validates
//! it, and activating it makes it the active filtering.

use serde_json::{Value, json};

use super::creation::{default_filtering, default_rule};
use super::{ChangeContext, Connector, DomainError, Fields, Patch};
use crate::values::Time;

const DRAFT: &str = "/0/draft";
const DEFAULT_RULE: &str = "DEFAULT";

/// `_filtering`: edits the draft, or replaces draft and active filtering.
pub fn filtering(
    before: &Connector,
    mut fields: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    if let Some(Value::Array(elements)) = fields.shift_remove("filtering") {
        let mut all = Vec::new();
        for element in elements {
            all.push(replacement(element, at.now));
        }
        return Ok(patch(Value::Array(all)));
    }
    if let Some(snippet) = fields.get_mut("advanced_snippet") {
        add_missing_timestamps(snippet, at.now);
    }
    if let Some(Value::Array(rules)) = fields.get_mut("rules") {
        *rules = sort_rules(std::mem::take(rules), at.now);
    }
    fields.insert("validation".to_owned(), json!({ "errors": [], "state": "edited" }));
    Ok(with_draft(before, fields, at))
}

/// `_filtering/_validation`: the result of the connector service's validation of the draft.
pub fn filtering_validation(
    before: &Connector,
    fields: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    Ok(with_draft(before, fields, at))
}

/// `_filtering/_activate`: copies the draft to the active filtering, if it was validated.
pub fn filtering_activation(
    before: &Connector,
    _: Fields,
    at: ChangeContext<'_>,
) -> Result<Patch, DomainError> {
    let mut all = current(before, at.now);
    let draft = all.pointer(DRAFT).cloned().unwrap_or_default();
    let state = draft.pointer("/validation/state").and_then(Value::as_str).unwrap_or_default();
    if state != "valid" {
        return Err(DomainError::Conflict(format!(
            "Filtering draft needs to be validated by the connector service before activation. \
             Current filtering draft validation state [{state}] is not equal to [valid]."
        )));
    }
    if let Some(Value::Object(first)) = all.pointer_mut("/0") {
        first.insert("active".to_owned(), draft);
    }
    Ok(patch(all))
}

fn patch(filtering: Value) -> Patch {
    Patch::merge(Fields::from_iter([("filtering".to_owned(), filtering)]))
}

/// The connector's filtering, or the default for imported documents without a usable one.
fn current(connector: &Connector, now: Time) -> Value {
    let usable = |all: &&Value| all.pointer(DRAFT).is_some_and(Value::is_object);
    connector
        .fields()
        .get("filtering")
        .filter(usable)
        .cloned()
        .unwrap_or_else(|| default_filtering(now))
}

/// Replaces some members of the draft.
fn with_draft(before: &Connector, parts: Fields, at: ChangeContext<'_>) -> Patch {
    let mut all = current(before, at.now);
    if let Some(Value::Object(draft)) = all.pointer_mut(DRAFT) {
        draft.extend(parts);
    }
    patch(all)
}

/// One element of a complete filtering. Its domain is always `DEFAULT`, the only one there is.
fn replacement(mut element: Value, now: Time) -> Value {
    let mut part = |name| {
        let mut part = element.get_mut(name).map(Value::take).unwrap_or_default();
        if let Some(snippet) = part.get_mut("advanced_snippet") {
            add_missing_timestamps(snippet, now);
        }
        if let Some(Value::Array(rules)) = part.get_mut("rules") {
            for rule in rules {
                add_missing_timestamps(rule, now);
            }
        }
        part
    };
    json!({ "active": part("active"), "domain": "DEFAULT", "draft": part("draft") })
}

/// Sorts the rules by `order` and puts the default rule at the end.
fn sort_rules(rules: Vec<Value>, now: Time) -> Vec<Value> {
    let order = |rule: &Value| rule.get("order").and_then(Value::as_i64).unwrap_or_default();
    let mut ordered = Vec::new();
    let mut created_at = None;
    for mut rule in rules {
        add_missing_timestamps(&mut rule, now);
        if rule.get("id").is_some_and(|id| id == DEFAULT_RULE) {
            created_at = rule.get_mut("created_at").map(Value::take);
        } else {
            let place = ordered.partition_point(|other| order(other) <= order(&rule));
            ordered.insert(place, rule);
        }
    }
    let created_at = created_at.unwrap_or_else(|| now.to_string().into());
    let last = ordered.last().map_or(0, |rule| order(rule).saturating_add(1));
    ordered.push(default_rule(&created_at, last));
    ordered
}

fn add_missing_timestamps(part: &mut Value, now: Time) {
    let Value::Object(part) = part else { return };
    for name in ["created_at", "updated_at"] {
        if !part.contains_key(name) {
            part.insert(name.to_owned(), now.to_string().into());
        }
    }
}
