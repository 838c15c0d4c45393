//! `_source`: which parts of its document a hit contains.

use serde_json::Value;

use crate::api::filter_path::{self, FilterPath, PrintError};
use crate::budget::{Budget, OverBudget};

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Source {
    #[default]
    Whole,
    Absent,
    Parts(FilterPath),
}

impl Source {
    /// Parses `true`, `false`, a pattern, a list of patterns, or `{"includes": .., "excludes": ..}`. `None`
    /// if it is none of these or has too many patterns.
    pub fn read(value: &Value) -> Option<Self> {
        let mut patterns = Vec::new();
        match value {
            Value::Bool(true) => return Some(Self::Whole),
            Value::Bool(false) => return Some(Self::Absent),
            Value::Object(members) => {
                for (name, list) in members {
                    let sign = match name.as_str() {
                        "includes" | "include" => "",
                        "excludes" | "exclude" => "-",
                        _ => return None,
                    };
                    patterns.extend(strings(list)?.into_iter().map(|it| format!("{sign}{it}")));
                }
            }
            list => patterns.extend(strings(list)?.into_iter().map(str::to_owned)),
        }
        Self::of_patterns(&patterns)
    }

    /// Reads the query parameters of a search. `None` if they have too many patterns.
    pub fn of_parameters(
        source: Option<&str>,
        includes: Vec<String>,
        excludes: Vec<String>,
    ) -> Option<Self> {
        match source {
            Some("true" | "") => return Some(Self::Whole),
            Some("false") => return Some(Self::Absent),
            _ => {}
        }
        let mut patterns = includes;
        patterns.extend(source.iter().flat_map(|list| list.split(',')).map(str::to_owned));
        patterns.extend(excludes.iter().map(|it| format!("-{it}")));
        Self::of_patterns(&patterns)
    }

    fn of_patterns(patterns: &[String]) -> Option<Self> {
        // Unlike in `filter_path`, `*` alone matches any number of names.
        let to_filter_path = |pattern: &String| match pattern.rsplit_once('.') {
            Some((before, last)) => {
                let steps = before.split('.').map(|step| match step {
                    "*" => "**",
                    "-*" => "-**",
                    step => step,
                });
                format!("{}.{last}", steps.collect::<Vec<_>>().join("."))
            }
            None => pattern.clone(),
        };
        let list: Vec<String> = patterns.iter().map(to_filter_path).collect();
        let filter = FilterPath::parse(&list.join(",")).ok()?;
        Some(if filter.is_empty() { Self::Whole } else { Self::Parts(filter) })
    }

    /// The parts of a document to return.
    pub fn apply<'a>(
        &self,
        json: &'a str,
        budget: &mut Budget,
    ) -> Result<std::borrow::Cow<'a, str>, OverBudget> {
        match self {
            Self::Whole => Ok(json.into()),
            Self::Absent => Ok("{}".into()),
            Self::Parts(filter) => match filter_path::print(json, filter, false, budget) {
                Ok(parts) => Ok(parts.into()),
                Err(PrintError::OverBudget(over)) => Err(over),
                Err(PrintError::Syntax(_)) => Ok("{}".into()),
            },
        }
    }
}

/// A string or a list of strings.
fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        value => value.as_str().map(|text| vec![text]),
    }
}
