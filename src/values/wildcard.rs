//! `*` for any text, `?` for one character.
//!
//! Written here because the crates for it carry tables for upper and lower case that weigh more than
//! the transition rules, or take as many steps as pattern and text are long, multiplied.

/// Whether the pattern matches all of `text`.
pub fn matches(pattern: &str, text: &str) -> bool {
    if !may_match(pattern.bytes().next(), text.bytes().next())
        || !may_match(pattern.bytes().next_back(), text.bytes().next_back())
    {
        return false;
    }
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(rest) = strip_start(first, text) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    skip_all(pieces, rest).is_some_and(|rest| ends_with(last, rest))
}

/// Most texts do not match, and most of them are found out by their first or last byte.
fn may_match(wanted: Option<u8>, found: Option<u8>) -> bool {
    matches!(wanted, None | Some(b'*' | b'?')) || wanted == found
}

/// Whether the pattern matches a part of `text`.
pub fn matches_within(pattern: &str, text: &str) -> bool {
    skip_all(pattern.split('*'), text).is_some()
}

/// What follows the pieces, each at the first place where it fits: no other place leaves more text.
fn skip_all<'p, 't>(pieces: impl Iterator<Item = &'p str>, text: &'t str) -> Option<&'t str> {
    let mut rest = text;
    for piece in pieces {
        rest = match piece.contains('?') {
            false => rest.get(find(piece, rest)? + piece.len()..)?,
            true => skip_past(piece, rest)?,
        };
    }
    Some(rest)
}

/// The standard library prepares itself for long texts, and names are short.
fn find(piece: &str, text: &str) -> Option<usize> {
    match text.len() {
        0..=64 => (0..=text.len()).find(|at| {
            text.as_bytes().get(*at..).is_some_and(|rest| rest.starts_with(piece.as_bytes()))
        }),
        _ => text.find(piece),
    }
}

fn strip_start<'t>(piece: &str, text: &'t str) -> Option<&'t str> {
    let mut rest = text.chars();
    piece
        .chars()
        .all(|wanted| rest.next().is_some_and(|found| fits(wanted, found)))
        .then_some(rest.as_str())
}

fn ends_with(piece: &str, text: &str) -> bool {
    let mut rest = text.chars().rev();
    piece.chars().rev().all(|wanted| rest.next().is_some_and(|found| fits(wanted, found)))
}

fn fits(wanted: char, found: char) -> bool {
    wanted == '?' || wanted == found
}

/// What follows the first place where the piece fits. All places are tried at once, a bit each, so
/// that it does not matter how often the text begins like the piece (the Shift-And algorithm).
fn skip_past<'t>(piece: &str, text: &'t str) -> Option<&'t str> {
    let piece: Vec<char> = piece.chars().collect();
    let last = piece.len().checked_sub(1)?;
    // The places in the piece where a character fits.
    let fitting = |found| {
        let bits = |places: &[char]| {
            let bit = |(place, wanted): (usize, &char)| u64::from(fits(*wanted, found)) << place;
            places.iter().enumerate().map(bit).sum()
        };
        piece.chunks(64).map(bits).collect::<Vec<u64>>()
    };
    let mut masks: Vec<(char, Vec<u64>)> = Vec::new();
    for found in &piece {
        if let Err(place) = masks.binary_search_by_key(found, |(known, _)| *known) {
            masks.insert(place, (*found, fitting(*found)));
        }
    }
    let others = fitting('?');
    // The places up to which the piece fits what was read last.
    let mut reached = vec![0_u64; others.len()];
    let mut rest = text.chars();
    while let Some(found) = rest.next() {
        let mut carry = 1;
        let known = masks.binary_search_by_key(&found, |(known, _)| *known).ok();
        let mask = known.and_then(|place| masks.get(place)).map_or(&others, |(_, mask)| mask);
        for (word, mask) in reached.iter_mut().zip(mask) {
            let next = *word >> 63;
            *word = ((*word << 1) | carry) & mask;
            carry = next;
        }
        if reached.last().is_some_and(|word| word >> (last % 64) & 1 == 1) {
            return Some(rest.as_str());
        }
    }
    None
}
