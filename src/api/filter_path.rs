//! `filter_path`: which parts of an answer the caller wants.

use serde_json::{Map, Value};

use crate::values::wildcard;

/// Dotted patterns; `*` stands for a name or a part of one, `**` for any number of names, a
/// leading `-` leaves out what matches.
#[derive(Clone, Debug, Default)]
pub struct FilterPath {
    kept: Vec<Vec<String>>,
    dropped: Vec<Vec<String>>,
}

impl FilterPath {
    /// Reads a comma-separated list of patterns.
    pub fn parse(list: &str) -> Self {
        let mut filter = Self::default();
        for pattern in list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            let (side, pattern) = match pattern.strip_prefix('-') {
                Some(rest) => (&mut filter.dropped, rest),
                None => (&mut filter.kept, pattern),
            };
            side.push(pattern.split('.').map(str::to_owned).collect());
        }
        filter
    }

    /// Does it let everything through?
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.dropped.is_empty()
    }

    /// What is left of `json`.
    pub fn apply(&self, json: Value) -> Value {
        let patterns = <[Vec<String>]>::to_vec;
        let kept = match self.kept.is_empty() {
            true => Some(json),
            false => keep(json, &patterns(&self.kept)),
        };
        let kept = kept.unwrap_or_else(|| Value::Object(Map::new()));
        drop_matching(kept, &patterns(&self.dropped)).unwrap_or_else(|| Value::Object(Map::new()))
    }
}

/// How the patterns go on below a member of that name; an empty one has matched to its end.
fn below(patterns: &[Vec<String>], name: &str) -> Vec<Vec<String>> {
    let mut rest = Vec::new();
    for pattern in patterns {
        let Some((first, others)) = pattern.split_first() else { continue };
        if first == "**" {
            rest.push(pattern.clone());
            rest.extend(below(&[others.to_vec()], name));
        } else if wildcard::matches(first, name) {
            rest.push(others.to_vec());
        }
    }
    rest
}

fn is_met(patterns: &[Vec<String>]) -> bool {
    patterns.iter().any(|pattern| pattern.iter().all(|part| part == "**"))
}

fn keep(json: Value, patterns: &[Vec<String>]) -> Option<Value> {
    if is_met(patterns) {
        return Some(json);
    }
    match json {
        Value::Object(members) => {
            let kept: Map<_, _> = members
                .into_iter()
                .filter_map(|(name, value)| {
                    let rest = below(patterns, &name);
                    keep(value, &rest).map(|value| (name, value))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<_> = items.into_iter().filter_map(|item| keep(item, patterns)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

fn drop_matching(json: Value, patterns: &[Vec<String>]) -> Option<Value> {
    if is_met(patterns) {
        return None;
    }
    Some(match json {
        Value::Object(members) => members
            .into_iter()
            .filter_map(|(name, value)| {
                let rest = below(patterns, &name);
                drop_matching(value, &rest).map(|value| (name, value))
            })
            .collect(),
        Value::Array(items) => {
            items.into_iter().filter_map(|item| drop_matching(item, patterns)).collect()
        }
        other => other,
    })
}
