//! The part of a query that indexed columns can answer, so that a search reads few documents that it
//! doesn't return.

use super::{Field, ID, Query, Range, Terms};
use crate::values::Time;

/// A field that has a column of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Id,
    /// `connector.id` of a sync job.
    ConnectorId,
    Status,
    JobType,
    ServiceType,
    /// `is_native`, as `true` or `false`
    IsNative,
    /// `deleted`, as `true` or `false`
    Deleted,
    CreatedAt,
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

    pub fn of(field: &Field) -> Option<Self> {
        Self::ALL.into_iter().find(|(path, _)| *path == field.path).map(|(_, column)| column)
    }

    /// Whether it stores milliseconds since 1970.
    pub fn is_time(self) -> bool {
        matches!(self, Self::CreatedAt | Self::LastSeen)
    }
}

/// A condition that every matching document meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnCondition<'a> {
    /// The column has one of these values.
    AnyOf(Column, &'a Terms),
    /// The column has none of these values, or no value at all.
    NoneOf(Column, &'a Terms),
    /// The column is in this range, both ends included. The document still has to be checked: its time
    /// may be more precise than a millisecond.
    Between(Column, Option<i64>, Option<i64>),
    /// All conditions of at least one branch are met.
    AnyBranch(Vec<Vec<ColumnCondition<'a>>>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefilter<'a> {
    /// Every matching document meets all of these.
    pub conditions: Vec<ColumnCondition<'a>>,
    /// Whether the conditions are all that the query requires.
    pub exact: bool,
}

impl<'a> Prefilter<'a> {
    pub fn of(query: &'a Query, now: Time) -> Self {
        let mut prefilter = Self { conditions: Vec::new(), exact: true };
        prefilter.require(query, now);
        prefilter
    }

    fn require(&mut self, query: &'a Query, now: Time) {
        match query {
            Query::All => {}
            Query::AnyOf(field, values) => match text_column(field) {
                Some(column) => self.conditions.push(ColumnCondition::AnyOf(column, values)),
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
                            text_column(field).map(|column| ColumnCondition::NoneOf(column, values))
                        }
                        _ => None,
                    };
                    self.exact &= condition.is_some();
                    self.conditions.extend(condition);
                }
                if all.minimum_should_match > 0 {
                    self.exact = false;
                    let branches = all.should.iter().map(|query| Self::of(query, now).conditions);
                    let branches: Vec<_> = branches.collect();
                    if branches.iter().all(|conditions| !conditions.is_empty()) {
                        self.conditions.push(ColumnCondition::AnyBranch(branches));
                    }
                }
            }
        }
    }
}

fn text_column(field: &Field) -> Option<Column> {
    Column::of(field).filter(|column| !column.is_time())
}

fn between(field: &Field, range: &Range, now: Time) -> Option<ColumnCondition<'static>> {
    let column = Column::of(field).filter(|column| column.is_time())?;
    let millis = |limit: &Option<super::Limit>| {
        limit.as_ref().and_then(|limit| limit.bound.time(now)).map(Time::millis)
    };
    Some(ColumnCondition::Between(column, millis(&range.from), millis(&range.to)))
}
