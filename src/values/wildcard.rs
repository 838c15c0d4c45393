//! `*` for any text, `?` for one character. Decision here because the crates for it carry tables
//! for upper and lower case that weigh more than the transition rules.

/// Does the pattern match all of `text`?
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when what follows the latest `*` does not fit: with one character more in it.
    let mut retry = None;
    loop {
        let (mut rest_of_pattern, mut rest_of_text) = (pattern.clone(), text.clone());
        match (rest_of_pattern.next(), rest_of_text.next()) {
            (Some('*'), _) => {
                retry = Some((rest_of_pattern.clone(), text.clone()));
                pattern = rest_of_pattern;
            }
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (rest_of_pattern, rest_of_text);
            }
            _ => {
                let Some((after_star, within)) = &mut retry else { return false };
                if within.next().is_none() {
                    return false;
                }
                (pattern, text) = (after_star.clone(), within.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn patterns() {
        let table = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("*b*", "abc", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aab", false),
            ("**", "x", true),
            ("a?c", "aäc", true),
            ("?", "", false),
            ("a", "A", false),
            ("*aab", "aaab", true),
            ("team-a-*", "team-a-", true),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(super::matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
