//! Wildcard patterns: `*` matches any text, `?` one character.
//!
//! The matcher backtracks to the last `*` on a mismatch. In the worst case it takes as many steps as the product of
//! both lengths, so each step is charged.
//!
//! It compares bytes, since decoding characters would take longer than comparing them. That is exact: both texts are
//! UTF-8 and are only compared from the starts of characters.

use crate::budget::{Budget, OverBudget, count_work};

/// Whether the pattern matches all of `text`.
pub fn matches(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    run(pattern.as_bytes(), text.as_bytes(), false, budget)
}

/// Whether the pattern matches a part of `text`.
pub fn matches_within(pattern: &str, text: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
    run(pattern.as_bytes(), text.as_bytes(), true, budget)
}

/// To match a part of a text, this starts as if after a `*`, and the match succeeds where the pattern ends.
fn run(
    pattern: &[u8],
    text: &[u8],
    is_within: bool,
    budget: &mut Budget,
) -> Result<bool, OverBudget> {
    let (mut pattern_at, mut text_at) = (0, 0);
    // Where the pattern continues after its last `*`, and where in the text to try that next.
    let mut retry = is_within.then_some((0, 0));
    loop {
        budget.spend(1)?;
        count_work(1);
        match (pattern.get(pattern_at), text.get(text_at)) {
            (Some(b'*'), _) => {
                pattern_at += 1;
                if pattern_at == pattern.len() {
                    return Ok(true);
                }
                retry = Some((pattern_at, text_at));
            }
            (Some(b'?'), Some(found)) => {
                pattern_at += 1;
                text_at += character_length(*found);
            }
            (Some(wanted), Some(found)) if wanted == found => {
                pattern_at += 1;
                text_at += 1;
            }
            (None, None) => return Ok(true),
            (None, _) if is_within => return Ok(true),
            // The text is too short, and a later start would leave even less of it.
            (Some(_), None) => return Ok(false),
            _ => {
                let Some((after_star, start)) = &mut retry else { return Ok(false) };
                let Some(skipped) = text.get(*start) else { return Ok(false) };
                *start += character_length(*skipped);
                (pattern_at, text_at) = (*after_star, *start);
            }
        }
    }
}

/// The bytes of a character in UTF-8, by its first.
fn character_length(first: u8) -> usize {
    if first.is_ascii() { 1 } else { longer(first) }
}

/// Apart, so that ASCII takes a branch: computing every length doubles the time of `?`.
#[cold]
fn longer(first: u8) -> usize {
    first.leading_ones() as usize
}
