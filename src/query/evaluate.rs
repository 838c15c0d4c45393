//! Whether documents match, and their values to sort by.
//!
//! A document is read once, from its start to its end, whatever is asked of it, and nothing of it is
//! held but the values to sort by.

use std::collections::BTreeMap;

use super::scalar::words_of;
use super::{Bool, Field, ID, Kind, Query, Range, Scalar, Terms};
use crate::budget::{Budget, OverBudget, VALUE, count_work};
use crate::directory::matches_any;
use crate::limits::DOCUMENT_DEPTH;
use crate::values::Time;
use crate::values::json::{JsonType, Reader, SyntaxError};

/// What it costs to read a date.
const DATE: usize = 200;

/// A document as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its JSON, without its id.
    pub json: &'a str,
}

/// What a document that matches has to sort by: the first value of each field.
pub type Found = Vec<Option<Scalar<'static>>>;

/// A query made ready to be asked of many documents.
#[derive(Debug)]
pub struct Evaluator<'q> {
    clause: Clause,
    clauses: usize,
    tests: Vec<Test<'q>>,
    /// Tests and sorts of the id.
    id: Node<'q>,
    /// Tests and sorts of the fields.
    fields: Node<'q>,
    sorts: usize,
    now: Time,
}

/// A query with the numbers of its tests.
#[derive(Debug)]
enum Clause {
    All,
    Test(usize),
    Bool { must: Vec<Clause>, must_not: Vec<Clause>, should: Vec<Clause>, least: usize },
}

/// What is asked of one value of a field.
#[derive(Debug)]
enum Test<'q> {
    AnyOf(Kind, &'q Terms),
    Range(Kind, &'q Range),
    Covered(&'q [String]),
}

/// What is asked of a field, and of those below it.
#[derive(Debug, Default)]
struct Node<'q> {
    tests: Vec<usize>,
    sorts: Vec<usize>,
    below: BTreeMap<&'q str, Node<'q>>,
}

impl<'q> Evaluator<'q> {
    /// For a query at that time. The first values of the fields in `sort` are given for documents that
    /// match; where there are `patterns`, one of them must match a value of that field too.
    pub fn new(
        query: &'q Query,
        sort: impl IntoIterator<Item = &'q Field>,
        patterns: Option<(&'q str, &'q [String])>,
        now: Time,
    ) -> Self {
        let mut all = Self {
            clause: Clause::All,
            clauses: 1,
            tests: Vec::new(),
            id: Node::default(),
            fields: Node::default(),
            sorts: 0,
            now,
        };
        all.clause = all.clause(query);
        if let Some((path, patterns)) = patterns {
            let covered = all.test(path, Test::Covered(patterns));
            let query = std::mem::replace(&mut all.clause, Clause::All);
            let must = vec![covered, query];
            all.clause = Clause::Bool { must, must_not: Vec::new(), should: Vec::new(), least: 0 };
        }
        for field in sort {
            let number = all.sorts;
            all.node(&field.path).sorts.push(number);
            all.sorts += 1;
        }
        all
    }

    fn clause(&mut self, query: &'q Query) -> Clause {
        self.clauses += 1;
        match query {
            Query::All => Clause::All,
            Query::AnyOf(field, terms) => self.test(&field.path, Test::AnyOf(field.kind, terms)),
            Query::Range(field, range) => self.test(&field.path, Test::Range(field.kind, range)),
            Query::Bool(Bool { must, must_not, should, least }) => {
                let mut all = |queries: &'q [Query]| -> Vec<Clause> {
                    queries.iter().map(|query| self.clause(query)).collect()
                };
                let (must, must_not, should) = (all(must), all(must_not), all(should));
                Clause::Bool { must, must_not, should, least: *least }
            }
        }
    }

    fn test(&mut self, path: &'q str, test: Test<'q>) -> Clause {
        let number = self.tests.len();
        self.tests.push(test);
        self.node(path).tests.push(number);
        Clause::Test(number)
    }

    fn node(&mut self, path: &'q str) -> &mut Node<'q> {
        match path {
            ID => &mut self.id,
            _ => path
                .split('.')
                .fold(&mut self.fields, |node, name| node.below.entry(name).or_default()),
        }
    }

    /// What the document has to sort by, if it matches. A text that is no JSON does not match.
    pub fn look(
        &self,
        Candidate { id, json }: Candidate<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Found>, OverBudget> {
        let room = self.tests.len() + self.sorts;
        budget.spend(json.len() + self.clauses + room)?;
        count_work(self.clauses + room);
        let mut look = Look {
            evaluator: self,
            json: Reader::new(json, DOCUMENT_DEPTH),
            holds: vec![false; self.tests.len()],
            first: vec![None; self.sorts],
            budget,
        };
        look.scalar(&self.id, &Scalar::Text(id.into()))?;
        match look.document() {
            Ok(()) => Ok(self.clause.holds(&look.holds).then_some(look.first)),
            Err(Stop::Syntax) => Ok(None),
            Err(Stop::OverBudget(over)) => Err(over),
        }
    }
}

impl Clause {
    fn holds(&self, tests: &[bool]) -> bool {
        match self {
            Self::All => true,
            Self::Test(number) => tests.get(*number).is_some_and(|holds| *holds),
            Self::Bool { must, must_not, should, least } => {
                let holds = |clause: &&Self| clause.holds(tests);
                must.iter().all(|clause| holds(&clause))
                    && !must_not.iter().any(|clause| holds(&clause))
                    && should.iter().filter(holds).take(*least).count() == *least
            }
        }
    }
}

/// Why a document is not read on.
enum Stop {
    Syntax,
    OverBudget(OverBudget),
}

impl From<SyntaxError> for Stop {
    fn from(_: SyntaxError) -> Self {
        Self::Syntax
    }
}

impl From<OverBudget> for Stop {
    fn from(over: OverBudget) -> Self {
        Self::OverBudget(over)
    }
}

/// A look at one document.
struct Look<'l> {
    evaluator: &'l Evaluator<'l>,
    json: Reader<'l>,
    /// For each test: did a value pass it?
    holds: Vec<bool>,
    first: Found,
    budget: &'l mut Budget,
}

impl Look<'_> {
    /// Anything but an object is no document.
    fn document(&mut self) -> Result<(), Stop> {
        match self.json.peek()? {
            (_, JsonType::Object) => self.value(&self.evaluator.fields),
            _ => Err(Stop::Syntax),
        }
    }

    /// An array is each of its elements; `null` and objects are no values.
    fn value(&mut self, node: &Node<'_>) -> Result<(), Stop> {
        let mut is_first = true;
        match self.json.peek()?.1 {
            JsonType::Object if node.below.is_empty() => self.json.skip_valid()?,
            JsonType::Object => {
                self.json.enter()?;
                while self.json.has_more(b'}', &mut is_first)? {
                    let name = self.json.key()?.name;
                    self.budget.spend(VALUE + levels(node.below.len()) * (1 + name.len()))?;
                    count_work(levels(node.below.len()));
                    match node.below.get(&*name) {
                        Some(below) => self.value(below)?,
                        None => self.json.skip_valid()?,
                    }
                }
            }
            JsonType::Array => {
                self.json.enter()?;
                while self.json.has_more(b']', &mut is_first)? {
                    self.budget.spend(VALUE)?;
                    count_work(1);
                    self.value(node)?;
                }
            }
            _ if node.tests.is_empty() && node.sorts.is_empty() => self.json.skip_valid()?,
            JsonType::String => {
                let text = Scalar::Text(self.json.string()?);
                self.scalar(node, &text)?;
            }
            JsonType::Null => self.json.skip_valid()?,
            JsonType::Number | JsonType::Boolean => {
                let literal = Scalar::Literal(self.json.literal()?.into());
                self.scalar(node, &literal)?;
            }
        }
        Ok(())
    }

    fn scalar(&mut self, node: &Node<'_>, value: &Scalar<'_>) -> Result<(), OverBudget> {
        for number in &node.sorts {
            self.budget.spend(VALUE)?;
            count_work(1);
            if let Some(first) = self.first.get_mut(*number)
                && first.is_none()
            {
                self.budget.spend(value.text().len())?;
                count_work(value.text().len());
                *first = Some(value.clone().into_owned());
            }
        }
        for number in &node.tests {
            self.budget.spend(VALUE)?;
            count_work(1);
            if let Some(holds) = self.holds.get_mut(*number)
                && !*holds
                && let Some(test) = self.evaluator.tests.get(*number)
            {
                *holds = test.passes(value, self.evaluator.now, self.budget)?;
            }
        }
        Ok(())
    }
}

impl Test<'_> {
    fn passes(
        &self,
        value: &Scalar<'_>,
        now: Time,
        budget: &mut Budget,
    ) -> Result<bool, OverBudget> {
        let length = value.text().len();
        match self {
            Self::Covered(patterns) => matches_any(patterns, value.text(), budget),
            Self::Range(kind, range) => {
                budget.spend(cost(*kind, length))?;
                count_work(length);
                Ok(range.covers(value, *kind, now))
            }
            Self::AnyOf(Kind::Text, terms) if matches!(value, Scalar::Text(_)) => {
                // Once to lower its case, once to find its words, and once to compare them.
                budget.spend((2 + levels(terms.len())) * length)?;
                count_work(2 * length);
                for word in words_of(&value.text().to_ascii_lowercase()) {
                    budget.spend(VALUE)?;
                    count_work(levels(terms.len()));
                    if terms.contains(word) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::AnyOf(kind, terms) => {
                budget.spend(cost(*kind, length) + levels(terms.len()) * (1 + length))?;
                count_work(length + levels(terms.len()));
                let value = value.normal(*kind);
                Ok(value.is_some_and(|value| terms.contains(&*value)))
            }
        }
    }
}

/// What it costs to read a value of so many bytes.
fn cost(kind: Kind, length: usize) -> usize {
    match kind {
        Kind::Date => DATE + 2 * length,
        Kind::Keyword | Kind::Text => length,
    }
}

/// How many comparisons it takes to look something up among so many.
fn levels(count: usize) -> usize {
    count.checked_ilog2().map_or(0, |log| log as usize + 1)
}
