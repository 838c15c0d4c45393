//! `*` for any text, `?` for one character.
//!
//! Two pointers, and back to the last `*` where something does not fit. That takes as many steps as pattern and text
//! are long, multiplied, so each step is charged.

use std::str::Chars;

use crate::budget::{Budget, OverBudget, did};

/// Whether the pattern matches all of `text`.
///
/// # Errors
/// If that takes too much work.
pub fn matches(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    run(pattern.chars(), text.chars(), None, budget)
}

/// Whether the pattern matches a part of `text`.
///
/// # Errors
/// If that takes too much work.
pub fn matches_within(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    let (pattern, text) = (pattern.chars(), text.chars());
    run(pattern.clone(), text.clone(), Some((pattern, text)), budget)
}

/// `retry`: what follows the last `*` of the pattern, and the text that it is to be tried on next. A search within a
/// text begins behind a `*`, and is over when the pattern is.
fn run<'p, 't>(
    mut pattern: Chars<'p>,
    mut text: Chars<'t>,
    mut retry: Option<(Chars<'p>, Chars<'t>)>,
    budget: &mut Budget,
) -> Result<bool, OverBudget> {
    let is_within = retry.is_some();
    loop {
        budget.spend(1)?;
        did(1);
        let mut rest = text.clone();
        match (pattern.next(), rest.next()) {
            (Some('*'), _) if pattern.as_str().is_empty() => return Ok(true),
            (Some('*'), _) => retry = Some((pattern.clone(), text.clone())),
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => text = rest,
            (None, None) => return Ok(true),
            (None, _) if is_within => return Ok(true),
            // The text has ended too early: a later start leaves even less of it.
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
