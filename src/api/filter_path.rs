//! `filter_path`: which parts of a response the caller wants.

use super::error::{ApiError, Cause};
use crate::budget::{Budget, OverBudget, VALUE, count_work};
use crate::limits::{FILTER_PATH_STEPS, RESPONSE_DEPTH};
use crate::values::json::{JsonType, Key, Reader, SyntaxError};
use crate::values::wildcard;

/// Dotted patterns; `*` stands for a name or a part of one, `**` for any number of names, a
/// leading `-` leaves out what matches, and `\.` is a dot in a name.
///
/// What stands between two dots is a step. The steps of all patterns are numbered, and a set of them
/// is a word of bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterPath {
    steps: Vec<Step>,
    /// The first steps of the patterns.
    first: u64,
    /// Their last steps.
    last: u64,
    /// The steps that are `**`.
    any_names: u64,
    /// The steps of patterns that leave out what matches.
    dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Wildcard(String),
    /// `**`
    AnyNames,
}

impl Step {
    fn matches(&self, name: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        match self {
            Self::Name(wanted) if wanted.len() == name.len() => {
                budget.spend(name.len())?;
                count_work(name.len());
                Ok(wanted == name)
            }
            Self::Wildcard(pattern) => wildcard::matches(pattern, name, budget),
            Self::Name(_) | Self::AnyNames => Ok(false),
        }
    }
}

/// Where one is on the way down a document.
#[derive(Clone, Copy)]
struct Place {
    /// The steps that come next.
    ahead: u64,
    /// A pattern that keeps what matches ends here.
    is_kept: bool,
    /// A pattern that leaves out what matches ends here.
    is_dropped: bool,
}

impl FilterPath {
    /// Reads a comma-separated list of patterns.
    ///
    /// # Errors
    /// 400 if there are too many steps.
    pub fn parse(list: &str) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        let mut count = 0;
        for pattern in list.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            let (is_dropped, pattern) = match pattern.strip_prefix('-') {
                Some(pattern) => (true, pattern),
                None => (false, pattern),
            };
            let steps = steps(pattern);
            count += steps.len();
            if count <= FILTER_PATH_STEPS {
                filter.add(steps, is_dropped);
            }
        }
        if count <= FILTER_PATH_STEPS {
            return Ok(filter);
        }
        let reason = format!(
            "[filter_path] is too long: its patterns have no more than [{FILTER_PATH_STEPS}] steps \
             in all, each a name or a wildcard between dots, but were [{count}]"
        );
        Err(Cause::illegal_argument(reason).into())
    }

    fn add(&mut self, steps: Vec<Step>, is_dropped: bool) {
        let count = steps.len();
        for (n, step) in steps.into_iter().enumerate() {
            let bit = 1 << self.steps.len();
            let set = |is_in: bool| if is_in { bit } else { 0 };
            self.first |= set(n == 0);
            self.last |= set(n + 1 == count);
            self.any_names |= set(step == Step::AnyNames);
            self.dropped |= set(is_dropped);
            self.steps.push(step);
        }
    }

    /// Whether everything passes.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether everything is kept that is not left out.
    fn keeps_all(&self) -> bool {
        self.first & !self.dropped == 0
    }

    /// The top of a document.
    fn top(&self) -> Place {
        self.place(self.first, 0)
    }

    /// One name further down.
    fn below(&self, ahead: u64, name: &str, budget: &mut Budget) -> Result<Place, OverBudget> {
        let mut taken = 0;
        let mut left = ahead & !self.any_names;
        while left != 0 {
            budget.spend(1)?;
            count_work(1);
            let bit = left & left.wrapping_neg();
            left &= !bit;
            // The number of a bit is below 64.
            let step = self.steps.get(bit.trailing_zeros() as usize);
            if let Some(step) = step
                && step.matches(name, budget)?
            {
                taken |= bit;
            }
        }
        let next = (taken & !self.last) << 1;
        // `**` stays ahead, whatever name it has taken.
        Ok(self.place(next | (ahead & self.any_names), taken & self.last))
    }

    /// `**` may stand for nothing. There are no two in a row, so one look is enough.
    fn place(&self, ahead: u64, ended: u64) -> Place {
        let passed = ahead & self.any_names;
        let ahead = ahead | ((passed & !self.last) << 1);
        let ended = ended | (passed & self.last);
        let (is_kept, is_dropped) = (ended & !self.dropped != 0, ended & self.dropped != 0);
        Place { ahead, is_kept, is_dropped }
    }
}

/// The steps of a pattern.
fn steps(pattern: &str) -> Vec<Step> {
    let mut names = vec![String::new()];
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        let is_dot = character == '\\' && rest.next_if_eq(&'.').is_some();
        match (character, names.last_mut()) {
            ('.', _) | (_, None) => names.push(String::new()),
            (_, Some(name)) => name.push(if is_dot { '.' } else { character }),
        }
    }
    let mut steps: Vec<Step> = names
        .into_iter()
        .map(|name| match name.as_str() {
            "**" => Step::AnyNames,
            _ if name.contains(['*', '?']) => Step::Wildcard(name),
            _ => Step::Name(name),
        })
        .collect();
    // A second one in a row stands for nothing new.
    steps.dedup_by(|step, before| *step == Step::AnyNames && *before == Step::AnyNames);
    steps
}

/// Why a text is not printed.
#[derive(Debug, PartialEq, Eq)]
pub enum Unprinted {
    /// It is no JSON.
    Syntax(SyntaxError),
    /// It takes too much work.
    OverBudget(OverBudget),
}

impl From<SyntaxError> for Unprinted {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<OverBudget> for Unprinted {
    fn from(error: OverBudget) -> Self {
        Self::OverBudget(error)
    }
}

/// What is left of a JSON text, printed over several lines if it is to be `pretty`. Values are
/// copied as they are written.
///
/// # Errors
/// If it is no JSON, or takes too much work.
pub fn print(
    text: &str,
    filter: &FilterPath,
    pretty: bool,
    budget: &mut Budget,
) -> Result<String, Unprinted> {
    // Each byte is read once.
    budget.spend(text.len())?;
    let json = Reader::new(text, RESPONSE_DEPTH);
    let mut printer = Printer {
        json,
        filter,
        pretty,
        depth: 0,
        // Growing step by step would hold what is printed twice.
        printed: String::with_capacity(text.len()),
        size: text.len(),
        budget,
    };
    let top = filter.top();
    printer.value(top.ahead, filter.keeps_all() || top.is_kept)?;
    if pretty {
        printer.push("\n")?;
    }
    Ok(printer.printed)
}

struct Printer<'a> {
    json: Reader<'a>,
    filter: &'a FilterPath,
    pretty: bool,
    depth: usize,
    printed: String,
    /// Bytes of the text that is read.
    size: usize,
    budget: &'a mut Budget,
}

impl Printer<'_> {
    /// Prints what is left of a value; whether anything is. `is_kept`: it is wanted as a whole.
    fn value(&mut self, ahead: u64, is_kept: bool) -> Result<bool, Unprinted> {
        let (at, json_type) = self.json.peek()?;
        let is_plain = match json_type {
            JsonType::Object | JsonType::Array => !self.pretty && ahead & self.filter.dropped == 0,
            _ => true,
        };
        if (is_kept && is_plain) || (!is_kept && ahead & !self.filter.dropped == 0) {
            self.json.skip_valid()?;
            if is_kept {
                self.push(self.json.text_from(at))?;
            }
            return Ok(is_kept);
        }
        match json_type {
            JsonType::Object => self.members(ahead, is_kept),
            JsonType::Array => self.items(ahead, is_kept),
            _ => {
                self.json.skip_valid()?;
                Ok(false)
            }
        }
    }

    fn members(&mut self, ahead: u64, is_kept: bool) -> Result<bool, Unprinted> {
        self.open("{")?;
        // What is kept already need not be found again.
        let ahead = if is_kept { ahead & self.filter.dropped } else { ahead };
        let (mut is_first, mut is_empty, mut has_any) = (true, true, is_kept);
        while self.json.has_more(b'}', &mut is_first)? {
            self.budget.spend(VALUE)?;
            let Key { raw, name, .. } = self.json.key()?;
            let before = self.printed.len();
            self.separate(is_empty)?;
            self.push(raw)?;
            self.push(if self.pretty { ": " } else { ":" })?;
            let below = self.filter.below(ahead, &name, self.budget)?;
            let is_wanted = self.value(below.ahead, is_kept || below.is_kept)?;
            has_any |= is_wanted;
            match is_wanted && !below.is_dropped {
                true => is_empty = false,
                false => self.printed.truncate(before),
            }
        }
        self.close("}", is_empty)?;
        Ok(has_any)
    }

    fn items(&mut self, ahead: u64, is_kept: bool) -> Result<bool, Unprinted> {
        self.open("[")?;
        let (mut is_first, mut is_empty) = (true, true);
        while self.json.has_more(b']', &mut is_first)? {
            self.budget.spend(VALUE)?;
            let before = self.printed.len();
            self.separate(is_empty)?;
            match self.value(ahead, is_kept)? {
                true => is_empty = false,
                false => self.printed.truncate(before),
            }
        }
        self.close("]", is_empty)?;
        Ok(is_kept || !is_empty)
    }

    fn open(&mut self, bracket: &str) -> Result<(), Unprinted> {
        self.json.enter()?;
        self.depth += 1;
        self.push(bracket)
    }

    fn separate(&mut self, is_first: bool) -> Result<(), Unprinted> {
        if !is_first {
            self.push(",")?;
        }
        self.new_line()
    }

    fn close(&mut self, bracket: &str, is_empty: bool) -> Result<(), Unprinted> {
        self.depth -= 1;
        if !is_empty {
            self.new_line()?;
        }
        self.push(bracket)
    }

    fn new_line(&mut self) -> Result<(), Unprinted> {
        if self.pretty {
            self.push("\n")?;
            for _ in 0..self.depth {
                self.push("  ")?;
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), Unprinted> {
        self.budget.spend(text.len())?;
        self.budget.check_held(self.size + self.printed.len() + text.len())?;
        count_work(text.len());
        self.printed.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Purpose;

    fn budget() -> Budget {
        Budget::new(Purpose::Format)
    }

    fn printed(list: &str, text: &str) -> String {
        let filter = FilterPath::parse(list).expect("not too long");
        print(text, &filter, false, &mut budget()).expect("JSON")
    }

    #[test]
    fn a_filter_path_keeps_the_matching_parts() {
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
    fn as_many_steps_as_a_machine_word_has_bits_are_supported() {
        let names: Vec<String> = (0..64).map(|n| format!("n{n}")).collect();
        let members = |names: &[String]| {
            let members: Vec<_> = names.iter().map(|n| format!("\"{n}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        let text = members(&names);
        assert_eq!(printed(&names.join(","), &text), text);
        assert_eq!(printed(&format!("-{}", names.join(",-")), &text), "{}");
        for name in [0, 1, 62, 63] {
            assert_eq!(printed(&names[name], &text), members(&names[name..=name]));
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(64), "}".repeat(64));
        let shallow = format!("{}1{}", "{\"a\":".repeat(63), "}".repeat(63));
        for (path, of_shallow) in [
            (vec!["a"; 64].join("."), "{}"),
            (vec!["*"; 64].join("."), "{}"),
            (vec!["**.a"; 32].join("."), shallow.as_str()),
        ] {
            assert_eq!(printed(&path, &deep), deep, "{path}");
            assert_eq!(printed(&path, &shallow), of_shallow, "{path}");
        }
    }

    #[test]
    fn pretty_printing_is_the_same_as_of_serde_json() {
        let text = r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]},[1,"x"]],"b.c":null},"f":{}}"#;
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let filter = FilterPath::default();
        assert_eq!(print(text, &filter, true, &mut budget()), Ok(format!("{value:#}\n")));
        let filter = FilterPath::parse("a.c.d").expect("not too long");
        let expected = serde_json::json!({ "a": { "c": [{ "d": 2 }] } });
        assert_eq!(print(text, &filter, true, &mut budget()), Ok(format!("{expected:#}\n")));
    }

    #[test]
    fn the_steps_of_all_patterns_are_limited() {
        let reason = |list: &str| match FilterPath::parse(list) {
            Ok(_) => None,
            Err(failure) => Some(failure.to_json()),
        };
        assert_eq!(reason(&"a.".repeat(63)), None);
        assert_eq!(reason(&"**.".repeat(5_000)), None);
        assert_eq!(reason(&"a,".repeat(64)), None);
        for list in ["a.".repeat(64), "-a,b.".repeat(33), "*.**.".repeat(33), "a,".repeat(65)] {
            let said = reason(&list).expect("too long");
            assert!(said.contains("no more than [64] steps in all"), "{said}");
        }
    }
}
