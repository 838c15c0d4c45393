//! Wildcard patterns: `*` matches any text, `?` one character.
//!
//! The matcher backtracks to the last `*` on a mismatch. In the worst case it takes as many steps as the product of
//! both lengths, so each step is charged.

use std::str::Chars;

use crate::budget::{Budget, OverBudget, count_work};

/// Whether the pattern matches all of `text`.
pub fn matches(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    run(pattern.chars(), text.chars(), None, budget)
}

/// Whether the pattern matches a part of `text`.
pub fn matches_within(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    let (pattern, text) = (pattern.chars(), text.chars());
    run(pattern.clone(), text.clone(), Some((pattern, text)), budget)
}

/// `retry` holds the pattern after its last `*`, and where in the text to try it next. To match a part of a text, the
/// caller starts as if after a `*`, and the match succeeds where the pattern ends.
fn run<'p, 't>(
    mut pattern: Chars<'p>,
    mut text: Chars<'t>,
    mut retry: Option<(Chars<'p>, Chars<'t>)>,
    budget: &mut Budget,
) -> Result<bool, OverBudget> {
    let is_within = retry.is_some();
    loop {
        budget.spend(1)?;
        count_work(1);
        let mut rest = text.clone();
        match (pattern.next(), rest.next()) {
            (Some('*'), _) if pattern.as_str().is_empty() => return Ok(true),
            (Some('*'), _) => retry = Some((pattern.clone(), text.clone())),
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => text = rest,
            (None, None) => return Ok(true),
            (None, _) if is_within => return Ok(true),
            // The text is too short, and a later start would leave even less of it.
            (Some(_), None) => return Ok(false),
            _ => {
                let Some((after_star, start)) = &mut retry else { return Ok(false) };
                if start.next().is_none() {
                    return Ok(false);
                }
                (pattern, text) = (after_star.clone(), start.clone());
            }
        }
    }
}
