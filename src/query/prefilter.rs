//! What of a query an index of some columns can answer, so that a search reads little more than it
//! shows.

use super::{Field, ID, Query, Range, Terms};
use crate::values::Time;

/// What is known of each document without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Its id.
    Id,
    /// `connector.id` of a job.
    ConnectorId,
    /// `status`
    Status,
    /// `job_type`
    JobType,
    /// `service_type`
    ServiceType,
    /// `is_native`, as `true` or `false`
    IsNative,
    /// `deleted`, as `true` or `false`
    Deleted,
    /// `created_at`
    CreatedAt,
    /// `last_seen`
    LastSeen,
}

impl Column {
    const ALL: [(&'static str, Self); 9] = [
        (ID, Self::Id),
        ("connector.id", Self::ConnectorId),
        ("status", Self::Status),
        ("job_type", Self::JobType),
        ("service_type", Self::ServiceType),
        ("is_native", Self::IsNative),
        ("deleted", Self::Deleted),
        ("created_at", Self::CreatedAt),
        ("last_seen", Self::LastSeen),
    ];

    /// The column of a field, if it has one.
    pub fn of(field: &Field) -> Option<Self> {
        Self::ALL.into_iter().find(|(path, _)| *path == field.path).map(|(_, column)| column)
    }

    /// Is it a point in time, kept as milliseconds since 1970?
    pub fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::LastSeen)
    }
}

/// Something that holds of every document that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition<'a> {
    /// It has one of these values.
    AnyOf(Column, &'a Terms),
    /// It has none of these values; it may have no value.
    NoneOf(Column, &'a Terms),
    /// It lies between, both ends included. The document must be looked at all the same: it may say
    /// more than milliseconds.
    Between(Column, Option<i64>, Option<i64>),
    /// All conditions of at least one of these hold.
    Either(Vec<Vec<Condition<'a>>>),
}

/// What can be said of all documents that match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefilter<'a> {
    /// All of these hold.
    pub conditions: Vec<Condition<'a>>,
    /// Is that all the query asks? Then whatever fulfils the conditions matches.
    pub exact: bool,
}

impl<'a> Prefilter<'a> {
    /// What can be said of the documents that match the query at that time.
    pub fn of(query: &'a Query, now: Time) -> Self {
        let mut prefilter = Self { conditions: Vec::new(), exact: true };
        prefilter.require(query, now);
        prefilter
    }

    fn require(&mut self, query: &'a Query, now: Time) {
        match query {
            Query::All => {}
            Query::AnyOf(field, values) => match text_column(field) {
                Some(column) => self.conditions.push(Condition::AnyOf(column, values)),
                None => self.exact = false,
            },
            Query::Range(field, range) => {
                self.exact = false;
                self.conditions.extend(between(field, range, now));
            }
            Query::Bool(all) => {
                all.must.iter().for_each(|query| self.require(query, now));
                for query in &all.must_not {
                    let condition = match query {
                        Query::AnyOf(field, values) => {
                            text_column(field).map(|column| Condition::NoneOf(column, values))
                        }
                        _ => None,
                    };
                    self.exact &= condition.is_some();
                    self.conditions.extend(condition);
                }
                if all.least > 0 {
                    self.exact = false;
                    let each = all.should.iter().map(|query| Self::of(query, now).conditions);
                    let each: Vec<_> = each.collect();
                    if each.iter().all(|conditions| !conditions.is_empty()) {
                        self.conditions.push(Condition::Either(each));
                    }
                }
            }
        }
    }
}

fn text_column(field: &Field) -> Option<Column> {
    Column::of(field).filter(|column| !column.is_time())
}

fn between(field: &Field, range: &Range, now: Time) -> Option<Condition<'static>> {
    let column = Column::of(field).filter(|column| column.is_time())?;
    let millis = |limit: &Option<super::Limit>| {
        limit.as_ref().and_then(|limit| limit.bound.time(now)).map(Time::millis)
    };
    Some(Condition::Between(column, millis(&range.from), millis(&range.to)))
}
