//! Reads Elasticsearch's query language, as far as it is served.

use std::collections::BTreeSet;

use serde_json::Value;

use super::range::from_now;
use super::{Bool, Bound, Field, ID, Kind, Limit, Query, Range, words};
use crate::document::Fields;
use crate::values::Time;

/// The queries that are served, for people.
pub const SERVED: &str = "[match_all], [term], [terms], [match], [range], [ids] and [bool]";

/// A query has no more parts than this, so that looking at a document costs a bounded time.
const PARTS_LIMIT: usize = 1_024;
/// A list of values is no longer, as in Elasticsearch.
const VALUES_LIMIT: usize = 65_536;

/// Reads a query. `kind` says how the values of a field are compared.
///
/// # Errors
/// What is wrong with it, or not served; and what is.
pub fn parse(json: &Value, kind: &dyn Fn(&str) -> Kind) -> Result<Query, String> {
    Parser { kind, parts: 0 }.query(json)
}

struct Parser<'a> {
    kind: &'a dyn Fn(&str) -> Kind,
    parts: usize,
}

impl Parser<'_> {
    fn query(&mut self, json: &Value) -> Result<Query, String> {
        self.parts += 1;
        if self.parts > PARTS_LIMIT {
            return Err(format!("a query has at most [{PARTS_LIMIT}] parts"));
        }
        let (name, content) = single(json).map_err(|given| {
            format!("a query is an object with one field, its type, but was {given}")
        })?;
        match name {
            "match_all" => self.match_all(content),
            "term" => self.term(content),
            "terms" => self.terms(content),
            "match" => self.match_(content),
            "range" => self.range(content),
            "ids" => self.ids(content),
            "bool" => self.bool(content),
            _ => Err(format!("unknown query [{name}]: {SERVED} are served")),
        }
    }

    fn match_all(&self, content: &Value) -> Result<Query, String> {
        let fields = object("match_all", content)?;
        known("match_all", fields, &[])?;
        Ok(Query::All)
    }

    fn term(&self, content: &Value) -> Result<Query, String> {
        let (field, value) = self.field("term", content)?;
        let value = parameter("term", value, "value")?;
        let value = scalar("term", &field, value)?;
        Ok(Query::AnyOf(field, BTreeSet::from([value])))
    }

    fn terms(&self, content: &Value) -> Result<Query, String> {
        let (field, values) = self.field("terms", content)?;
        let Value::Array(values) = values else {
            return Err(format!("[terms] query requires a list of values for [{}]", field.path));
        };
        if values.len() > VALUES_LIMIT {
            return Err(format!("[terms] query takes at most [{VALUES_LIMIT}] values"));
        }
        let values = values.iter().map(|value| scalar("terms", &field, value));
        Ok(Query::AnyOf(field.clone(), values.collect::<Result<_, _>>()?))
    }

    fn match_(&self, content: &Value) -> Result<Query, String> {
        let (field, value) = self.field("match", content)?;
        let value = parameter("match", value, "query")?;
        let wanted = match (field.kind, value) {
            (Kind::Text, Value::String(text)) => words(text).collect(),
            _ => BTreeSet::from([scalar("match", &field, value)?]),
        };
        Ok(Query::AnyOf(field, wanted))
    }

    fn ids(&self, content: &Value) -> Result<Query, String> {
        let fields = object("ids", content)?;
        known("ids", fields, &["values"])?;
        let field = Field { path: ID.to_owned(), kind: Kind::Keyword };
        let values = fields.get("values").ok_or("[ids] requires providing a values element")?;
        let values = list(values).iter().map(|value| scalar("ids", &field, value));
        Ok(Query::AnyOf(field.clone(), values.collect::<Result<_, _>>()?))
    }

    fn range(&self, content: &Value) -> Result<Query, String> {
        let (field, limits) = self.field("range", content)?;
        let limits = object("range", limits)?;
        known("range", limits, &["gt", "gte", "lt", "lte"])?;
        let limit = |outer: &str, inner: &str| {
            let given = [(outer, false), (inner, true)];
            let given = given.map(|(name, inclusive)| (limits.get(name), inclusive));
            let mut given = given.into_iter().filter_map(|(value, inclusive)| {
                value.filter(|value| !value.is_null()).map(|value| (value, inclusive))
            });
            match (given.next(), given.next()) {
                (Some(_), Some(_)) => {
                    Err(format!("[range] takes [{outer}] or [{inner}], not both"))
                }
                (Some((value, inclusive)), None) => {
                    bound(&field, value).map(|bound| Some(Limit { bound, inclusive }))
                }
                _ => Ok(None),
            }
        };
        let range = Range { from: limit("gt", "gte")?, to: limit("lt", "lte")? };
        Ok(Query::Range(field, range))
    }

    fn bool(&mut self, content: &Value) -> Result<Query, String> {
        let fields = object("bool", content)?;
        let clauses = ["must", "filter", "should", "must_not"];
        known("bool", fields, &[&clauses[..], &["minimum_should_match"]].concat())?;
        let [mut must, filter, should, must_not] = clauses.map(|name| {
            let given = fields.get(name).map(list).unwrap_or_default();
            given.iter().map(|query| self.query(query)).collect::<Result<Vec<_>, _>>()
        });
        if let (Ok(must), Ok(filter)) = (&mut must, &filter) {
            must.extend_from_slice(filter);
        }
        let (must, should) = (filter.and(must)?, should?);
        let least = match fields.get("minimum_should_match") {
            Some(given) => minimum(given)?,
            // Where nothing else has to match, one of these has to.
            None => usize::from(must.is_empty() && !should.is_empty()),
        };
        Ok(Query::Bool(Bool { must, must_not: must_not?, should, least }))
    }

    /// The one field that a query is about, and what it says of it.
    fn field<'a>(&self, query: &str, content: &'a Value) -> Result<(Field, &'a Value), String> {
        let (path, value) = single(content).map_err(|given| {
            format!("[{query}] query is an object with one field, but was {given}")
        })?;
        Ok((Field { path: path.to_owned(), kind: (self.kind)(path) }, value))
    }
}

/// The only member of an object; else a word for what was given instead.
fn single(json: &Value) -> Result<(&str, &Value), &'static str> {
    match json {
        Value::Object(fields) => {
            let mut members = fields.iter();
            match (members.next(), members.next()) {
                (Some((name, value)), None) => Ok((name, value)),
                (None, _) => Err("empty"),
                _ => Err("one with several"),
            }
        }
        _ => Err("none"),
    }
}

fn object<'a>(query: &str, json: &'a Value) -> Result<&'a Fields, String> {
    json.as_object().ok_or_else(|| format!("[{query}] query malformed, no object"))
}

fn known(query: &str, fields: &Fields, served: &[&str]) -> Result<(), String> {
    match fields.keys().find(|name| !served.contains(&name.as_str())) {
        Some(name) if served.is_empty() => {
            Err(format!("[{query}] query does not support [{name}]"))
        }
        Some(name) => {
            let served = served.join("], [");
            Err(format!("[{query}] query does not support [{name}]: [{served}] are served"))
        }
        None => Ok(()),
    }
}

/// `value`, or `{"name": value}` for the same in full.
fn parameter<'a>(query: &str, value: &'a Value, name: &str) -> Result<&'a Value, String> {
    match value {
        Value::Object(fields) => {
            known(query, fields, &[name])?;
            fields.get(name).ok_or_else(|| format!("[{query}] query requires a [{name}]"))
        }
        _ => Ok(value),
    }
}

fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        _ => std::slice::from_ref(value),
    }
}

/// A value as documents' values are compared with it.
fn scalar(query: &str, field: &Field, value: &Value) -> Result<String, String> {
    match field.normal(value) {
        Some(normal) => Ok(normal.into_owned()),
        None if field.kind == Kind::Date => bad_date(value),
        None => Err(format!("[{query}] query does not support [{value}] as a value")),
    }
}

fn bound(field: &Field, value: &Value) -> Result<Bound, String> {
    match (field.kind, value) {
        (Kind::Date, Value::String(text)) if text.starts_with("now") => {
            from_now(text).map(Bound::Now).ok_or_else(|| {
                format!(
                    "date math expression [{text}] is not served: [now] is, and one step from it, \
                     of [s], [m], [h], [d] or [w], as in [now-300s]"
                )
            })
        }
        (Kind::Date, Value::String(_) | Value::Number(_)) => {
            super::time(value).map(Bound::Time).map_or_else(|| bad_date(value), Ok)
        }
        (Kind::Keyword | Kind::Text, Value::String(text)) => Ok(Bound::Text(text.clone())),
        _ => value
            .as_i64()
            .map(Bound::Number)
            .ok_or_else(|| format!("[range] query does not support [{value}] as a limit")),
    }
}

fn bad_date<T>(value: &Value) -> Result<T, String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Err(Time::unreadable(&text))
}

fn minimum(given: &Value) -> Result<usize, String> {
    let number = match given {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.and_then(|number| usize::try_from(number).ok());
    number
        .ok_or_else(|| format!("[minimum_should_match] is [{given}]: a number from 0 on is served"))
}
