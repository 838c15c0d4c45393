//! Evaluates queries: whether documents match, and their sort values.
//!
//! A document is read once from start to end, whatever the query, and only its sort values are kept.

use std::borrow::Cow;

use super::scalar::words_of;
use super::{Bool, Field, ID, Mapping, Query, Range, Scalar, Terms};
use crate::budget::{Budget, COPY, OverBudget, UNESCAPE, VALUE, count_work};
use crate::directory::matches_any;
use crate::limits::{DOCUMENT_DEPTH, SORT_VALUE_BYTES};
use crate::values::Time;
use crate::values::json::{JsonType, Reader, SyntaxError};
use crate::values::sorted::SortedMap;

/// The cost of parsing a date.
const DATE: usize = 200;

#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub id: &'a str,
    /// The stored JSON, without the id.
    pub json: &'a str,
}

/// The first value of each sort field.
pub type SortValues = Vec<Option<Scalar<'static>>>;

/// A query, prepared for evaluation on many documents.
#[derive(Debug)]
pub struct Evaluator<'q> {
    clause: Clause,
    clauses: usize,
    tests: Vec<Test<'q>>,
    id: Node<'q>,
    fields: Node<'q>,
    sorts: usize,
    now: Time,
}

/// A query whose leaves are indices into [`Evaluator::tests`].
#[derive(Debug)]
enum Clause {
    All,
    Test(usize),
    Bool { must: Vec<Clause>, must_not: Vec<Clause>, should: Vec<Clause>, minimum: usize },
}

/// A test of one value of a field.
#[derive(Debug)]
enum Test<'q> {
    AnyOf(Mapping, &'q Terms),
    Range(Mapping, &'q Range),
    Covered(&'q [String]),
}

/// The tests and sorts of a field, and of those nested in it.
#[derive(Debug, Default)]
struct Node<'q> {
    tests: Vec<usize>,
    sorts: Vec<usize>,
    children: SortedMap<&'q str, Node<'q>>,
}

impl<'q> Evaluator<'q> {
    /// `patterns`: a field, and patterns. One of them must match a value of the field, in addition to the query.
    pub fn new(
        query: &'q Query,
        sort: impl IntoIterator<Item = &'q Field>,
        patterns: Option<(&'q str, &'q [String])>,
        now: Time,
    ) -> Self {
        let mut evaluator = Self {
            clause: Clause::All,
            clauses: 1,
            tests: Vec::new(),
            id: Node::default(),
            fields: Node::default(),
            sorts: 0,
            now,
        };
        evaluator.clause = evaluator.clause(query);
        if let Some((path, patterns)) = patterns {
            let covered = evaluator.test(path, Test::Covered(patterns));
            let query = std::mem::replace(&mut evaluator.clause, Clause::All);
            let must = vec![covered, query];
            evaluator.clause =
                Clause::Bool { must, must_not: Vec::new(), should: Vec::new(), minimum: 0 };
        }
        for field in sort {
            let number = evaluator.sorts;
            evaluator.node(&field.path).sorts.push(number);
            evaluator.sorts += 1;
        }
        evaluator
    }

    fn clause(&mut self, query: &'q Query) -> Clause {
        self.clauses += 1;
        match query {
            Query::All => Clause::All,
            Query::AnyOf(field, terms) => self.test(&field.path, Test::AnyOf(field.mapping, terms)),
            Query::Range(field, range) => self.test(&field.path, Test::Range(field.mapping, range)),
            Query::Bool(Bool { must, must_not, should, minimum_should_match }) => {
                let mut all = |queries: &'q [Query]| -> Vec<Clause> {
                    queries.iter().map(|query| self.clause(query)).collect()
                };
                let (must, must_not, should) = (all(must), all(must_not), all(should));
                Clause::Bool { must, must_not, should, minimum: *minimum_should_match }
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
                .fold(&mut self.fields, |node, name| node.children.get_or_insert_default(name)),
        }
    }

    /// The document's sort values, if it matches. Invalid JSON doesn't match.
    pub fn evaluate(
        &self,
        Candidate { id, json }: Candidate<'_>,
        budget: &mut Budget,
    ) -> Result<Option<SortValues>, OverBudget> {
        let slots = self.tests.len() + self.sorts;
        budget.spend(json.len() + self.clauses + slots)?;
        count_work(self.clauses + slots);
        let mut evaluation = Evaluation {
            evaluator: self,
            json: Reader::new(json, DOCUMENT_DEPTH),
            passed: vec![false; self.tests.len()],
            sort_values: vec![None; self.sorts],
            budget,
        };
        evaluation.scalar(&self.id, &Scalar::Text(id.into()))?;
        match evaluation.document() {
            Ok(()) => Ok(self.clause.holds(&evaluation.passed).then_some(evaluation.sort_values)),
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
            Self::Bool { must, must_not, should, minimum } => {
                let holds = |clause: &&Self| clause.holds(tests);
                must.iter().all(|clause| holds(&clause))
                    && !must_not.iter().any(|clause| holds(&clause))
                    && should.iter().filter(holds).take(*minimum).count() == *minimum
            }
        }
    }
}

/// Why the evaluation of a document ended early.
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

/// The evaluation of one document.
struct Evaluation<'l> {
    evaluator: &'l Evaluator<'l>,
    json: Reader<'l>,
    /// For each test, whether a value has passed it.
    passed: Vec<bool>,
    sort_values: SortValues,
    budget: &'l mut Budget,
}

impl Evaluation<'_> {
    fn document(&mut self) -> Result<(), Stop> {
        match self.json.peek()? {
            (_, JsonType::Object) => self.value(&self.evaluator.fields),
            _ => Err(Stop::Syntax),
        }
    }

    /// As in Elasticsearch, an array stands for each of its elements, and `null` and objects aren't values.
    fn value(&mut self, node: &Node<'_>) -> Result<(), Stop> {
        let mut is_first = true;
        match self.json.peek()?.1 {
            JsonType::Object if node.children.is_empty() => self.json.skip_valid()?,
            JsonType::Object => {
                self.json.enter()?;
                while self.json.has_more(b'}', &mut is_first)? {
                    let name = self.json.key()?.name;
                    let copy = if matches!(name, Cow::Owned(_)) { COPY } else { 0 };
                    self.budget.spend(
                        VALUE + copy + lookup_cost(node.children.len()) * (1 + name.len()),
                    )?;
                    count_work(lookup_cost(node.children.len()));
                    match node.children.get(&*name) {
                        Some(child) => self.value(child)?,
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
                let text = self.json.string()?;
                if let Cow::Owned(text) = &text {
                    self.budget.spend(UNESCAPE * text.len())?;
                }
                self.scalar(node, &Scalar::Text(text))?;
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
            if let Some(first) = self.sort_values.get_mut(*number)
                && first.is_none()
                && value.text().len() <= SORT_VALUE_BYTES
            {
                self.budget.spend(value.text().len())?;
                count_work(value.text().len());
                *first = Some(value.clone().into_owned());
            }
        }
        for number in &node.tests {
            self.budget.spend(VALUE)?;
            count_work(1);
            if let Some(passed) = self.passed.get_mut(*number)
                && !*passed
                && let Some(test) = self.evaluator.tests.get(*number)
            {
                *passed = test.passes(value, self.evaluator.now, self.budget)?;
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
            Self::Range(mapping, range) => {
                budget.spend(cost(*mapping, length))?;
                count_work(length);
                Ok(range.contains(value, *mapping, now))
            }
            Self::AnyOf(Mapping::Text, terms) if matches!(value, Scalar::Text(_)) => {
                // Lower-casing, splitting into words, comparing.
                budget.spend((2 + lookup_cost(terms.len())) * length)?;
                count_work(2 * length);
                for word in words_of(&value.text().to_ascii_lowercase()) {
                    budget.spend(VALUE)?;
                    count_work(lookup_cost(terms.len()));
                    if terms.contains(word) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::AnyOf(mapping, terms) => {
                budget.spend(cost(*mapping, length) + lookup_cost(terms.len()) * (1 + length))?;
                count_work(length + lookup_cost(terms.len()));
                let value = value.normalized(*mapping);
                Ok(value.is_some_and(|value| terms.contains(&value)))
            }
        }
    }
}

/// The cost of reading a value of this length.
fn cost(mapping: Mapping, length: usize) -> usize {
    match mapping {
        Mapping::Date => DATE + 2 * length,
        Mapping::Keyword | Mapping::Text => length,
    }
}

/// The maximum number of comparisons of a lookup in a sorted collection.
fn lookup_cost(count: usize) -> usize {
    count.checked_ilog2().map_or(0, |log| log as usize + 1)
}
