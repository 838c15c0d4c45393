//! `filter_path`: returns only the requested parts of a response.

use std::borrow::Cow;

use super::error::{ApiError, Cause};
use crate::budget::{Budget, COPY, OverBudget, STEP, VALUE, count_work};
use crate::limits::{FILTER_PATH_STEPS, RESPONSE_DEPTH};
use crate::values::json::{JsonType, Key, Reader, SyntaxError};
use crate::values::wildcard;

/// Dotted patterns. `*` matches a name or part of one, `**` any number of names, a leading `-` excludes
/// what matches, and `\.` is a literal dot.
///
/// All patterns are matched at once, as one nondeterministic automaton: every dot-separated step has a bit,
/// and a bit mask holds the steps that are active.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterPath {
    steps: Vec<Step>,
    /// First steps of the patterns.
    first: u64,
    /// Last steps of the patterns.
    last: u64,
    /// Steps that are `**`.
    any_names: u64,
    /// Steps of exclude patterns.
    excluding: u64,
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

/// The state of the automaton at one value of the document.
#[derive(Clone, Copy)]
struct State {
    /// The steps that the names below this value are matched against.
    active: u64,
    /// An include pattern matches this value.
    is_included: bool,
    /// An exclude pattern matches this value.
    is_excluded: bool,
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
            let (is_exclude, pattern) = match pattern.strip_prefix('-') {
                Some(pattern) => (true, pattern),
                None => (false, pattern),
            };
            let steps = steps(pattern);
            count += steps.len();
            if count <= FILTER_PATH_STEPS {
                filter.add(steps, is_exclude);
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

    fn add(&mut self, steps: Vec<Step>, is_exclude: bool) {
        let count = steps.len();
        for (n, step) in steps.into_iter().enumerate() {
            let bit = 1 << self.steps.len();
            let set = |is_in: bool| if is_in { bit } else { 0 };
            self.first |= set(n == 0);
            self.last |= set(n + 1 == count);
            self.any_names |= set(step == Step::AnyNames);
            self.excluding |= set(is_exclude);
            self.steps.push(step);
        }
    }

    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether there are only exclude patterns, so that everything else is included.
    fn includes_by_default(&self) -> bool {
        self.first & !self.excluding == 0
    }

    /// The state at the root of a document.
    fn root(&self) -> State {
        self.state(self.first, 0)
    }

    /// The state at the member `name` of an object.
    fn member(&self, active: u64, name: &str, budget: &mut Budget) -> Result<State, OverBudget> {
        let mut matched = 0;
        let mut left = active & !self.any_names;
        while left != 0 {
            budget.spend(STEP)?;
            count_work(1);
            let bit = left & left.wrapping_neg();
            left &= !bit;
            let step = self.steps.get(bit.trailing_zeros() as usize);
            if let Some(step) = step
                && step.matches(name, budget)?
            {
                matched |= bit;
            }
        }
        let next = (matched & !self.last) << 1;
        // `**` matches any number of names, so it stays active.
        Ok(self.state(next | (active & self.any_names), matched & self.last))
    }

    /// Adds the steps that are reached because `**` may match no name at all. One pass is enough: there
    /// are never two `**` in a row.
    fn state(&self, active: u64, ended: u64) -> State {
        let skipped = active & self.any_names;
        let active = active | ((skipped & !self.last) << 1);
        let ended = ended | (skipped & self.last);
        State {
            active,
            is_included: ended & !self.excluding != 0,
            is_excluded: ended & self.excluding != 0,
        }
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
    // `**.**` means the same as `**`.
    steps.dedup_by(|step, before| *step == Step::AnyNames && *before == Step::AnyNames);
    steps
}

/// Why a text can't be printed.
#[derive(Debug, PartialEq, Eq)]
pub enum PrintError {
    /// It is not JSON.
    Syntax(SyntaxError),
    OverBudget(OverBudget),
}

impl From<SyntaxError> for PrintError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

impl From<OverBudget> for PrintError {
    fn from(error: OverBudget) -> Self {
        Self::OverBudget(error)
    }
}

/// Prints the parts of a JSON text that pass the filter. Values are copied as they are written.
pub fn print(
    text: &str,
    filter: &FilterPath,
    pretty: bool,
    budget: &mut Budget,
) -> Result<String, PrintError> {
    budget.spend(text.len())?;
    let json = Reader::new(text, RESPONSE_DEPTH);
    let mut printer = Printer {
        json,
        filter,
        pretty,
        depth: 0,
        // Reserved at once: growing would hold the output twice.
        printed: String::with_capacity(text.len()),
        size: text.len(),
        budget,
    };
    let root = filter.root();
    printer.value(root.active, filter.includes_by_default() || root.is_included)?;
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
    /// Bytes of the input.
    size: usize,
    budget: &'a mut Budget,
}

impl Printer<'_> {
    /// Prints the parts of a value that pass the filter. Returns whether there are any. If `is_included`,
    /// everything passes that is not excluded.
    fn value(&mut self, active: u64, is_included: bool) -> Result<bool, PrintError> {
        let (at, json_type) = self.json.peek()?;
        let is_plain = match json_type {
            JsonType::Object | JsonType::Array => {
                !self.pretty && active & self.filter.excluding == 0
            }
            _ => true,
        };
        let is_copied = is_included && is_plain;
        let is_skipped = !is_included && active & !self.filter.excluding == 0;
        if is_copied || is_skipped {
            self.json.skip_valid()?;
            if is_copied {
                self.push(self.json.text_from(at))?;
            }
            return Ok(is_copied);
        }
        match json_type {
            JsonType::Object => self.members(active, is_included),
            JsonType::Array => self.items(active, is_included),
            _ => {
                self.json.skip_valid()?;
                Ok(false)
            }
        }
    }

    fn members(&mut self, active: u64, is_included: bool) -> Result<bool, PrintError> {
        self.open("{")?;
        // Include patterns no longer matter below an included value.
        let active = if is_included { active & self.filter.excluding } else { active };
        let (mut is_first, mut is_empty, mut has_any) = (true, true, is_included);
        while self.json.has_more(b'}', &mut is_first)? {
            self.budget.spend(VALUE)?;
            let Key { raw, name, .. } = self.json.key()?;
            if let Cow::Owned(_) = name {
                self.budget.spend(COPY)?;
            }
            let before = self.printed.len();
            self.separate(is_empty)?;
            self.push(raw)?;
            self.push(if self.pretty { ": " } else { ":" })?;
            let member = self.filter.member(active, &name, self.budget)?;
            let has_content = self.value(member.active, is_included || member.is_included)?;
            has_any |= has_content;
            if has_content && !member.is_excluded {
                is_empty = false;
            } else {
                self.printed.truncate(before);
            }
        }
        self.close("}", is_empty)?;
        Ok(has_any)
    }

    fn items(&mut self, active: u64, is_included: bool) -> Result<bool, PrintError> {
        self.open("[")?;
        let (mut is_first, mut is_empty) = (true, true);
        while self.json.has_more(b']', &mut is_first)? {
            self.budget.spend(VALUE)?;
            let before = self.printed.len();
            self.separate(is_empty)?;
            if self.value(active, is_included)? {
                is_empty = false;
            } else {
                self.printed.truncate(before);
            }
        }
        self.close("]", is_empty)?;
        Ok(is_included || !is_empty)
    }

    fn open(&mut self, bracket: &str) -> Result<(), PrintError> {
        self.json.enter()?;
        self.depth += 1;
        self.push(bracket)
    }

    fn separate(&mut self, is_first: bool) -> Result<(), PrintError> {
        if !is_first {
            self.push(",")?;
        }
        self.new_line()
    }

    fn close(&mut self, bracket: &str, is_empty: bool) -> Result<(), PrintError> {
        self.depth -= 1;
        if !is_empty {
            self.new_line()?;
        }
        self.push(bracket)
    }

    fn new_line(&mut self) -> Result<(), PrintError> {
        if self.pretty {
            self.push("\n")?;
            for _ in 0..self.depth {
                self.push("  ")?;
            }
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), PrintError> {
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
    fn a_filter_path_keeps_only_matching_parts() {
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
    fn names_are_unescaped_before_they_are_compared() {
        assert_eq!(printed("ä", r#"{"\u00e4":1,"x":2}"#), r#"{"\u00e4":1}"#);
    }

    #[test]
    fn sixty_four_steps_are_supported() {
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
    fn pretty_printing_matches_serde_json() {
        let text = r#"{"a":{"b":1.50,"c":[{"d":2},{"e":[]},[1,"x"]],"b.c":null},"f":{}}"#;
        let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let filter = FilterPath::default();
        assert_eq!(print(text, &filter, true, &mut budget()), Ok(format!("{value:#}\n")));
        let filter = FilterPath::parse("a.c.d").expect("not too long");
        let expected = serde_json::json!({ "a": { "c": [{ "d": 2 }] } });
        assert_eq!(print(text, &filter, true, &mut budget()), Ok(format!("{expected:#}\n")));
    }

    #[test]
    fn more_than_64_steps_in_all_patterns_are_rejected() {
        let reason = |list: &str| match FilterPath::parse(list) {
            Ok(_) => None,
            Err(failure) => Some(failure.to_json()),
        };
        assert_eq!(reason(&"a.".repeat(63)), None);
        assert_eq!(reason(&"**.".repeat(5_000)), None);
        assert_eq!(reason(&"a,".repeat(64)), None);
        for list in ["a.".repeat(64), "-a,b.".repeat(33), "*.**.".repeat(33), "a,".repeat(65)] {
            let reason = reason(&list).expect("too long");
            assert!(reason.contains("no more than [64] steps in all"), "{reason}");
        }
    }
}
