//! Wildcard patterns, compared with the definition of a match.

use connector_status::budget::{Budget, Purpose};
use connector_status::values::wildcard;

fn matches(pattern: &str, text: &str) -> bool {
    wildcard::matches(pattern, text, &mut Budget::new(Purpose::Patterns)).unwrap()
}

fn matches_within(pattern: &str, text: &str) -> bool {
    wildcard::matches_within(pattern, text, &mut Budget::new(Purpose::Patterns)).unwrap()
}

#[test]
fn patterns_match_the_whole_text() {
    let table = [
        ("", "", true),
        ("", "a", false),
        ("*", "", true),
        ("*", "abc", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a*a", "a", false),
        ("ab*ba", "aba", false),
        ("*b*", "abc", true),
        ("*ab*ab", "abab", true),
        ("*ab*ab", "aab", false),
        ("**", "x", true),
        ("a?c", "aäc", true),
        ("?", "", false),
        ("?", "ä", true),
        ("??", "ä", false),
        ("?*", "", false),
        ("*?", "ä", true),
        ("*?*", "", false),
        ("*?*?*", "ä", false),
        ("*ä?c*", "aäbcd", true),
        ("*a?b*a?b*", "axbayb", true),
        ("*a?b*a?b*", "axb", false),
        ("a", "A", false),
        ("*aab", "aaab", true),
        ("team-a-*", "team-a-", true),
    ];
    for (pattern, text, expected) in table {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
    for (pattern, text, expected) in [
        ("", "", true),
        ("b", "abc", true),
        ("c*a", "abc", false),
        ("a*c", "xabcx", true),
        ("?b?", "abc", true),
        ("b??", "abc", false),
    ] {
        assert_eq!(matches_within(pattern, text), expected, "{pattern} {text}");
    }
}

/// Compares with the definition, over short repetitive texts.
#[test]
fn every_short_pattern_matches_as_defined() {
    fn defined(pattern: &[char], text: &[char]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, _) => text.is_empty(),
            (Some(('*', rest)), None) => defined(rest, text),
            (Some(('*', rest)), Some((_, others))) => {
                defined(rest, text) || defined(pattern, others)
            }
            (Some((wanted, rest)), Some((found, others))) => {
                (*wanted == '?' || wanted == found) && defined(rest, others)
            }
            (Some(_), None) => false,
        }
    }
    let words = |letters: &[char], longest: u32| {
        let mut all = vec![String::new()];
        for length in 1..=longest {
            let shorter: Vec<_> =
                all.iter().filter(|word| word.chars().count() + 1 == length as usize).collect();
            let longer =
                shorter.iter().flat_map(|word| letters.iter().map(move |c| format!("{word}{c}")));
            all.extend(longer.collect::<Vec<_>>());
        }
        all
    };
    let two = (words(&['a', 'ä'], 6), words(&['a', 'ä', '?', '*'], 5));
    // Characters of two, three and four bytes; some begin with the same byte.
    let more = (words(&['ä', 'å', '€', '🦀'], 4), words(&['ä', '€', '🦀', '?', '*'], 4));
    for (texts, patterns) in [two, more] {
        for pattern in &patterns {
            let within: Vec<char> = format!("*{pattern}*").chars().collect();
            let whole: Vec<char> = pattern.chars().collect();
            for text in &texts {
                let chars: Vec<char> = text.chars().collect();
                assert_eq!(matches(pattern, text), defined(&whole, &chars), "{pattern} {text}");
                let found = matches_within(pattern, text);
                assert_eq!(found, defined(&within, &chars), "{pattern} in {text}");
            }
        }
    }
}

#[test]
fn literal_parts_longer_than_a_machine_word_are_found() {
    for length in [62, 63, 64, 65, 127, 128, 129, 300] {
        for gap in [0, length / 2, length - 1] {
            let mut piece: Vec<char> = ('a'..='z').cycle().take(length).collect();
            let text: String = piece.iter().collect();
            piece[gap] = '?';
            let piece: String = piece.iter().collect();
            assert!(matches_within(&piece, &format!("aab{text}x")), "{piece}");
            assert!(matches(&format!("*{piece}*x"), &format!("{text}{text}x")), "{piece}");
            assert!(!matches_within(&piece, &text.replacen('b', "-", 1)));
            assert!(!matches_within(&format!("{piece}?"), &text));
        }
    }
}
