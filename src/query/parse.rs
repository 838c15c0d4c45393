//! Parses the supported part of Elasticsearch's query language.

use serde_json::Value;

use super::range::from_now;
use super::scalar::words_of;
use super::{Bool, Bound, Field, ID, Limit, Mapping, Query, Range, Scalar};
use crate::document::Fields;
use crate::limits::{QUERY_CLAUSES, QUERY_DEPTH, QUERY_TERMS};

/// The supported queries and their syntax, which is part of the error message for any other syntax.
const SUPPORTED: [(&str, &str); 8] = [
    ("match_all", "{}"),
    ("term", r#"{"<field>": <value>} or {"<field>": {"value": <value>}}"#),
    ("terms", r#"{"<field>": [<values>]}"#),
    ("match", r#"{"<field>": <value>} or {"<field>": {"query": <value>}}"#),
    (
        "range",
        r#"{"<field>": {"gte" or "gt": <from>, "lte" or "lt": <to>}}, each a string, an integer, a date, or date math such as now, now-300s, now+1d with the units s, m, h, d and w"#,
    ),
    ("ids", r#"{"values": [<ids>]}"#),
    (
        "bool",
        r#"{"must": [<queries>], "filter": [<queries>], "should": [<queries>], "must_not": [<queries>], "minimum_should_match": <number>}"#,
    ),
    ("dis_max", r#"{"queries": [<queries>], "tie_breaker": <number>}"#),
];

/// `mapping` gives the mapping of a field by its path.
pub fn parse(json: &Value, mapping: &dyn Fn(&str) -> Mapping) -> Result<Query, String> {
    Parser { mapping, count: 0, terms: 0, depth: 0 }.query(json)
}

struct Parser<'a> {
    mapping: &'a dyn Fn(&str) -> Mapping,
    count: usize,
    terms: usize,
    /// The number of enclosing `bool` and `dis_max` queries.
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self, json: &Value) -> Result<Query, String> {
        let (name, content) = only_member(json).unwrap_or(("", json));
        let Some((name, usage)) = SUPPORTED.into_iter().find(|(known, _)| *known == name) else {
            let supported = SUPPORTED.map(|(name, _)| name).join("], [");
            return Err(format!("unknown query [{name}]: supported queries are [{supported}]"));
        };
        self.count += 1;
        check_limit(self.count, QUERY_CLAUSES, "clauses")?;
        let query = match name {
            "bool" => self.bool(content)?,
            "dis_max" => self.dis_max(content)?,
            name => self.leaf(name, content),
        };
        if let Some(Query::AnyOf(_, terms)) = &query {
            self.terms += terms.len();
            check_limit(self.terms, QUERY_TERMS, "values")?;
        }
        query.ok_or_else(|| {
            format!("unsupported [{name}] query: the supported syntax is {{\"{name}\": {usage}}}")
        })
    }

    /// A query without nested queries; `None` if its syntax is not supported.
    fn leaf(&self, name: &str, content: &Value) -> Option<Query> {
        let (path, value) = match name {
            "match_all" => return content.as_object()?.is_empty().then_some(Query::All),
            _ => only_member(content)?,
        };
        let path = match (name, path) {
            ("ids", "values") => ID,
            ("ids", _) => return None,
            (_, path) => path,
        };
        let field = Field { path: path.to_owned(), mapping: (self.mapping)(path) };
        if name == "range" {
            return range(&field, value.as_object()?).map(|range| Query::Range(field, range));
        }
        let given = match (name, value) {
            ("term", Value::Object(_)) => std::slice::from_ref(parameter(value, "value")?),
            ("match", Value::Object(_)) => std::slice::from_ref(parameter(value, "query")?),
            ("terms" | "ids", Value::Array(values)) => values.as_slice(),
            ("terms", _) => return None,
            _ => std::slice::from_ref(value),
        };
        let mut values = Vec::new();
        for value in given {
            match (name, field.mapping, value) {
                ("match", Mapping::Text, Value::String(text)) => {
                    values.extend(words_of(&text.to_ascii_lowercase()).map(str::to_owned));
                }
                _ => {
                    values.push(Scalar::of(value)?.normalized(field.mapping)?.into_owned());
                }
            }
        }
        Some(Query::AnyOf(field, values.into_iter().collect()))
    }

    fn bool(&mut self, content: &Value) -> Result<Option<Query>, String> {
        let Value::Object(clauses) = content else { return Ok(None) };
        self.clauses(clauses.iter().map(|(name, given)| (name.as_str(), given)))
    }

    fn clauses<'v>(
        &mut self,
        clauses: impl IntoIterator<Item = (&'v str, &'v Value)>,
    ) -> Result<Option<Query>, String> {
        self.depth += 1;
        check_limit(self.depth, QUERY_DEPTH, "levels of [bool] queries")?;
        let mut all = Bool::default();
        let mut minimum = None;
        for (name, given) in clauses {
            let queries = match name {
                "must" | "filter" => &mut all.must,
                "must_not" => &mut all.must_not,
                "should" => &mut all.should,
                "minimum_should_match" => {
                    minimum = match given {
                        Value::String(text) => text.parse().ok(),
                        _ => given.as_u64().and_then(|number| usize::try_from(number).ok()),
                    };
                    if minimum.is_none() {
                        return Ok(None);
                    }
                    continue;
                }
                _ => return Ok(None),
            };
            for query in list(given) {
                queries.push(self.query(query)?);
            }
        }
        self.depth -= 1;
        // As in Elasticsearch: without `must`, one `should` clause has to match.
        let default = usize::from(all.must.is_empty() && !all.should.is_empty());
        all.minimum_should_match = minimum.unwrap_or(default);
        Ok(Some(Query::Bool(all)))
    }

    /// The same as `should`: without scores, it doesn't matter which query matches best.
    fn dis_max(&mut self, content: &Value) -> Result<Option<Query>, String> {
        let Value::Object(members) = content else { return Ok(None) };
        let is_supported = members.iter().all(|(name, value)| match name.as_str() {
            "queries" => !list(value).is_empty(),
            "tie_breaker" => value.is_number(),
            _ => false,
        });
        match members.get("queries").filter(|_| is_supported) {
            Some(queries) => self.clauses([("should", queries)]),
            None => Ok(None),
        }
    }
}

fn check_limit(count: usize, limit: usize, what: &str) -> Result<(), String> {
    if count <= limit { Ok(()) } else { Err(format!("the query has more than [{limit}] {what}")) }
}

fn range(field: &Field, limits: &Fields) -> Option<Range> {
    let mut range = Range::default();
    for (name, value) in limits {
        let side = match name.as_str() {
            "gt" | "gte" => &mut range.from,
            "lt" | "lte" => &mut range.to,
            _ => return None,
        };
        if side.is_some() {
            return None;
        }
        if !value.is_null() {
            let inclusive = name.ends_with('e');
            *side = Some(Limit { bound: bound(field, value)?, inclusive });
        }
    }
    Some(range)
}

fn bound(field: &Field, value: &Value) -> Option<Bound> {
    match (field.mapping, value) {
        (Mapping::Date, Value::String(text)) if text.starts_with("now") => {
            from_now(text).map(Bound::Now)
        }
        (Mapping::Date, _) => Scalar::of(value)?.time().map(Bound::Time),
        (_, Value::String(text)) => Some(Bound::Text(text.clone())),
        _ => value.as_i64().map(Bound::Number),
    }
}

fn only_member(json: &Value) -> Option<(&str, &Value)> {
    let mut members = json.as_object()?.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

/// The value of `{"name": value}`, the long form of a query that has no other members.
fn parameter<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    only_member(json).filter(|(given, _)| *given == name).map(|(_, value)| value)
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        _ => std::slice::from_ref(value),
    }
}
