//! `filter_path`: which parts of a response the caller wants.

use super::error::{ApiError, Cause};
use crate::values::json::{JsonType, Key, Reader, SyntaxError};
use crate::values::wildcard;

/// More segments than this, in all patterns together, are refused.
const SEGMENT_LIMIT: usize = 1_000;
/// So many names are remembered with the segments that match them.
const NAMES_LIMIT: usize = 1_024;
/// With no more segments than this, names are not remembered.
const FEW: usize = 16;
/// A document in a list is nested deeper than one by itself.
const DEPTH_LIMIT: usize = 150;

/// Dotted patterns; `*` stands for a name or a part of one, `**` for any number of names, a
/// leading `-` leaves out what matches, and `\.` is a dot in a name.
#[derive(Clone, Debug, Default)]
pub struct FilterPath {
    kept: Patterns,
    dropped: Patterns,
}

impl FilterPath {
    /// Reads a comma-separated list of patterns.
    ///
    /// # Errors
    /// 400 if there are too many segments.
    pub fn parse(list: &str) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        for pattern in list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            match pattern.strip_prefix('-') {
                Some(pattern) => filter.dropped.add(pattern),
                None => filter.kept.add(pattern),
            }
        }
        match filter.kept.segments() + filter.dropped.segments() {
            0..=SEGMENT_LIMIT => Ok(filter),
            count => {
                let reason = format!(
                    "[filter_path] is too long: its patterns have no more than [{SEGMENT_LIMIT}] \
                     segments in all, but were [{count}]"
                );
                Err(Cause::illegal_argument(reason).into())
            }
        }
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.dropped.is_empty()
    }
}

/// What is left of a JSON text, printed over several lines if it is to be `pretty`. Values are
/// copied as they are written.
///
/// # Errors
/// If it is no JSON.
pub fn print(text: &str, filter: &FilterPath, pretty: bool) -> Result<String, SyntaxError> {
    let mut printer = Printer {
        json: Reader::new(text, DEPTH_LIMIT),
        kept: Walk::of(&filter.kept),
        dropped: Walk::of(&filter.dropped),
        pretty,
        depth: 0,
        printed: String::with_capacity(text.len()),
    };
    let is_kept = filter.kept.is_empty() || printer.kept.has_arrived();
    printer.value(is_kept)?;
    if pretty {
        printer.printed.push('\n');
    }
    Ok(printer.printed)
}

/// A set of small numbers, a bit each.
type Bits = Vec<u64>;

/// Patterns as the positions that one can be at while going down a path: in front of each segment,
/// and behind the last one of each pattern.
#[derive(Clone, Debug, Default)]
struct Patterns {
    positions: Vec<Position>,
    starts: Bits,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    /// In front of a name.
    Name(String),
    /// In front of a name with wildcards.
    Wildcard(String),
    /// In front of `**`.
    AnyNames,
    /// Behind the last segment.
    End,
}

impl Position {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Wildcard(pattern) => wildcard::matches(pattern, name),
            Self::AnyNames | Self::End => false,
        }
    }
}

impl Patterns {
    fn add(&mut self, pattern: &str) {
        insert(&mut self.starts, self.positions.len());
        let mut name = String::new();
        let mut rest = pattern.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '.' => self.push(std::mem::take(&mut name)),
                '\\' if rest.next_if_eq(&'.').is_some() => name.push('.'),
                _ => name.push(character),
            }
        }
        self.push(name);
        self.positions.push(Position::End);
    }

    fn push(&mut self, segment: String) {
        let position = match segment.as_str() {
            // A second one in a row stands for nothing new.
            "**" if self.positions.last() == Some(&Position::AnyNames) => return,
            "**" => Position::AnyNames,
            _ if segment.contains(['*', '?']) => Position::Wildcard(segment),
            _ => Position::Name(segment),
        };
        self.positions.push(position);
    }

    fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    fn segments(&self) -> usize {
        self.positions.iter().filter(|position| **position != Position::End).count()
    }

    /// The positions in front of segments that match a name.
    fn find(&self, name: &str, found: &mut Bits) {
        found.clear();
        found.extend(self.words(|position| position.matches(name)));
    }

    /// The positions of which that holds.
    fn which(&self, holds: impl Fn(&Position) -> bool) -> Bits {
        self.words(holds).collect()
    }

    fn words(&self, holds: impl Fn(&Position) -> bool) -> impl Iterator<Item = u64> {
        let word = move |positions: &[Position]| {
            let bits = positions.iter().enumerate();
            bits.map(|(place, position)| u64::from(holds(position)) << place).sum()
        };
        self.positions.chunks(64).map(word)
    }
}

fn insert(bits: &mut Bits, place: usize) {
    bits.resize(place / 64 + 1, 0);
    if let Some(word) = bits.last_mut() {
        *word |= 1 << (place % 64);
    }
}

/// The way down a document: at which positions of the patterns one is.
struct Walk<'p> {
    patterns: &'p Patterns,
    any_names: Bits,
    ends: Bits,
    /// The positions at each level, from the top on, each as many words as `ends`.
    levels: Bits,
    /// Names, in order, each with the positions in front of segments that match it.
    names: Vec<(String, Bits)>,
    /// The same for the latest name.
    fitting: Bits,
}

impl<'p> Walk<'p> {
    fn of(patterns: &'p Patterns) -> Self {
        let any_names = patterns.which(|position| *position == Position::AnyNames);
        let ends = patterns.which(|position| *position == Position::End);
        let mut levels = patterns.starts.clone();
        levels.resize(ends.len(), 0);
        pass_any_names(&mut levels, &any_names);
        Self { patterns, any_names, ends, levels, names: Vec::new(), fitting: Vec::new() }
    }

    fn here(&self) -> &[u64] {
        let start = self.levels.len().saturating_sub(self.ends.len());
        self.levels.get(start..).unwrap_or_default()
    }

    /// Goes on to a member: over segments that match its name, and staying in front of `**`.
    fn descend(&mut self, name: &str) {
        let here = self.levels.len().saturating_sub(self.ends.len());
        if self.is_lost() {
            self.levels.resize(self.levels.len() + self.ends.len(), 0);
            return;
        }
        let known = self.names.binary_search_by(|(known, _)| known.as_str().cmp(name));
        if let Err(place) = known {
            self.patterns.find(name, &mut self.fitting);
            // With few patterns, to compare them is as fast as to look the name up.
            let is_worth_it = self.patterns.positions.len() > FEW;
            if is_worth_it && self.names.len() < NAMES_LIMIT {
                self.names.insert(place, (name.to_owned(), self.fitting.clone()));
            }
        }
        let known = known.ok().and_then(|place| self.names.get(place));
        let fitting = known.map_or(&self.fitting, |(_, fitting)| fitting);
        let mut carry = 0;
        for (word, (fitting, any_names)) in fitting.iter().zip(&self.any_names).enumerate() {
            let word = self.levels.get(here + word).copied().unwrap_or_default();
            let passed = word & fitting;
            self.levels.push((passed << 1) | carry | (word & any_names));
            carry = passed >> 63;
        }
        let below = self.levels.len().saturating_sub(self.ends.len());
        if let Some(below) = self.levels.get_mut(below..) {
            pass_any_names(below, &self.any_names);
        }
    }

    fn ascend(&mut self) {
        self.levels.truncate(self.levels.len().saturating_sub(self.ends.len()));
    }

    /// Whether a pattern matches the path to here.
    fn has_arrived(&self) -> bool {
        self.here().iter().zip(&self.ends).any(|(here, ends)| here & ends != 0)
    }

    /// Whether no pattern can match anything from here on.
    fn is_lost(&self) -> bool {
        self.here().iter().all(|word| *word == 0)
    }
}

/// `**` may stand for nothing. There are no two in a row, so one look is enough.
fn pass_any_names(positions: &mut [u64], any_names: &[u64]) {
    let mut carry = 0;
    for (word, any_names) in positions.iter_mut().zip(any_names) {
        let passed = *word & any_names;
        *word |= (passed << 1) | carry;
        carry = passed >> 63;
    }
}

struct Printer<'a> {
    json: Reader<'a>,
    kept: Walk<'a>,
    dropped: Walk<'a>,
    pretty: bool,
    depth: usize,
    printed: String,
}

impl Printer<'_> {
    /// Prints what is left of a value; whether anything is. `is_kept`: it is wanted as a whole.
    fn value(&mut self, is_kept: bool) -> Result<bool, SyntaxError> {
        let (at, json_type) = self.json.peek()?;
        let is_plain = match json_type {
            JsonType::Object | JsonType::Array => !self.pretty && self.dropped.is_lost(),
            _ => true,
        };
        if (is_kept && is_plain) || (!is_kept && self.kept.is_lost()) {
            self.json.skip()?;
            if is_kept {
                self.printed.push_str(self.json.since(at));
            }
            return Ok(is_kept);
        }
        match json_type {
            JsonType::Object => self.members(is_kept),
            JsonType::Array => self.items(is_kept),
            _ => {
                self.json.skip()?;
                Ok(false)
            }
        }
    }

    fn members(&mut self, is_kept: bool) -> Result<bool, SyntaxError> {
        self.open('{')?;
        let (mut is_first, mut is_empty, mut has_any) = (true, true, is_kept);
        while self.json.has_more(b'}', &mut is_first)? {
            let Key { raw, name, .. } = self.json.key()?;
            let before = self.printed.len();
            self.separate(is_empty);
            self.printed.push_str(raw);
            self.printed.push_str(if self.pretty { ": " } else { ":" });
            if !is_kept {
                self.kept.descend(&name);
            }
            self.dropped.descend(&name);
            let is_wanted = self.value(is_kept || self.kept.has_arrived())?;
            has_any |= is_wanted;
            match is_wanted && !self.dropped.has_arrived() {
                true => is_empty = false,
                false => self.printed.truncate(before),
            }
            if !is_kept {
                self.kept.ascend();
            }
            self.dropped.ascend();
        }
        self.close('}', is_empty);
        Ok(has_any)
    }

    fn items(&mut self, is_kept: bool) -> Result<bool, SyntaxError> {
        self.open('[')?;
        let (mut is_first, mut is_empty) = (true, true);
        while self.json.has_more(b']', &mut is_first)? {
            let before = self.printed.len();
            self.separate(is_empty);
            match self.value(is_kept)? {
                true => is_empty = false,
                false => self.printed.truncate(before),
            }
        }
        self.close(']', is_empty);
        Ok(is_kept || !is_empty)
    }

    fn open(&mut self, bracket: char) -> Result<(), SyntaxError> {
        self.json.enter()?;
        self.depth += 1;
        self.printed.push(bracket);
        Ok(())
    }

    fn separate(&mut self, is_first: bool) {
        if !is_first {
            self.printed.push(',');
        }
        self.new_line();
    }

    fn close(&mut self, bracket: char, is_empty: bool) {
        self.depth -= 1;
        if !is_empty {
            self.new_line();
        }
        self.printed.push(bracket);
    }

    fn new_line(&mut self) {
        if self.pretty {
            self.printed.push('\n');
            for _ in 0..self.depth {
                self.printed.push_str("  ");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(list: &str, text: &str) -> String {
        let filter = FilterPath::parse(list).expect("not too long");
        print(text, &filter, false).expect("JSON")
    }

    #[test]
    fn what_is_left() {
        let text = r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]}],"b.c":null},"ab":"\u0061","f":{}}"#;
        let table = [
            ("", text),
            (" , ", text),
            ("a.b", r#"{"a":{"b":1.50}}"#),
            ("a.b,ab", r#"{"a":{"b":1.50},"ab":"\u0061"}"#),
            ("a.c.d", r#"{"a":{"c":[{"d":2}]}}"#),
            ("a.c.*", r#"{"a":{"c":[{"d":2},{"e":[]}]}}"#),
            ("**.d", r#"{"a":{"c":[{"d":2}]}}"#),
            ("**.**.d", r#"{"a":{"c":[{"d":2}]}}"#),
            ("**.**.**", text),
            ("a.**.b", r#"{"a":{"b":1.50}}"#),
            ("a.**.**.*", r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]}],"b.c":null}}"#),
            ("a*", r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]}],"b.c":null},"ab":"\u0061"}"#),
            ("?b", r#"{"ab":"\u0061"}"#),
            (r"a.b\.c", r#"{"a":{"b.c":null}}"#),
            (r"a.b\c", "{}"),
            ("f", r#"{"f":{}}"#),
            ("f.x", "{}"),
            ("a.b.c", "{}"),
            ("x", "{}"),
            ("a..b", "{}"),
            ("**", text),
            ("-a", r#"{"ab":"\u0061","f":{}}"#),
            ("-**", "{}"),
            ("-**.**", "{}"),
            ("-a.c.d", r#"{"a":{"b":1.50,"c":[{},{"e":[]}],"b.c":null},"ab":"\u0061","f":{}}"#),
            ("-**.b,-f", r#"{"a":{"c":[{"d":2},{"e":[]}],"b.c":null},"ab":"\u0061"}"#),
            ("-*.*", r#"{"a":{},"ab":"\u0061","f":{}}"#),
            ("a,-a.c", r#"{"a":{"b":1.50,"b.c":null}}"#),
            ("a.c,-a.c.d", r#"{"a":{"c":[{},{"e":[]}]}}"#),
            ("a.b,-a.b", r#"{"a":{}}"#),
            ("a.b,-a", "{}"),
        ];
        for (list, expected) in table {
            assert_eq!(printed(list, text), expected, "{list}");
        }
    }

    #[test]
    fn names_are_compared_without_their_escapes() {
        assert_eq!(printed("ä", r#"{"\u00e4":1,"x":2}"#), r#"{"\u00e4":1}"#);
    }

    #[test]
    fn positions_beyond_the_first_word() {
        let names: Vec<String> = (0..200).map(|n| format!("n{n}")).collect();
        let text = format!(
            "{{{}}}",
            names.iter().map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",")
        );
        assert_eq!(printed(&names.join(","), &text), text);
        assert_eq!(
            printed(&names.iter().map(|n| format!("-{n}")).collect::<Vec<_>>().join(","), &text),
            "{}"
        );
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        for path in
            [vec!["a"; 100].join("."), vec!["**.a"; 100].join("."), vec!["*"; 100].join(".")]
        {
            assert_eq!(printed(&path, &deep), deep, "{path}");
            assert_eq!(printed(&format!("{path}.a"), &deep), "{}", "{path}");
        }
    }

    #[test]
    fn pretty_is_what_others_print() {
        let text = r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]},[1,"x"]],"b.c":null},"f":{}}"#;
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let filter = FilterPath::default();
        assert_eq!(print(text, &filter, true), Ok(format!("{value:#}\n")));
        let filter = FilterPath::parse("a.c.d").expect("not too long");
        let expected = serde_json::json!({ "a": { "c": [{ "d": 2 }] } });
        assert_eq!(print(text, &filter, true), Ok(format!("{expected:#}\n")));
    }

    #[test]
    fn a_thousand_segments_are_enough() {
        let reason = |list: &str| match FilterPath::parse(list) {
            Ok(_) => None,
            Err(failure) => Some(failure.to_json()),
        };
        assert_eq!(reason(&"a.".repeat(999)), None);
        assert_eq!(reason(&"**.".repeat(5_000)), None);
        assert_eq!(reason(&"a,".repeat(1_000)), None);
        for list in ["a.".repeat(1_000), "-a,b.".repeat(501), "*.**.".repeat(501)] {
            assert!(
                reason(&list).is_some_and(|said| said.contains("no more than [1000]")),
                "{list}"
            );
        }
    }
}
