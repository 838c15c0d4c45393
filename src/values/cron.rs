//! Validates schedules: cron expressions in Quartz's syntax, which is also Elasticsearch's.
//!
//! They are never evaluated here. The connector service runs the schedules.

/// One field of an expression.
struct Unit {
    name: &'static str,
    min: u16,
    max: u16,
    /// Names of the values, starting with `min`.
    names: &'static [&'static str],
}

const UNITS: [Unit; 7] = [
    Unit { name: "seconds", min: 0, max: 59, names: &[] },
    Unit { name: "minutes", min: 0, max: 59, names: &[] },
    Unit { name: "hours", min: 0, max: 23, names: &[] },
    Unit { name: DAY_OF_MONTH, min: 1, max: 31, names: &[] },
    Unit { name: "month", min: 1, max: 12, names: &MONTHS },
    Unit { name: DAY_OF_WEEK, min: 1, max: 7, names: &DAYS },
    Unit { name: "year", min: 1970, max: 2199, names: &[] },
];
const DAY_OF_MONTH: &str = "day-of-month";
const DAY_OF_WEEK: &str = "day-of-week";
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// Checks an expression of six fields, or of seven with a year.
pub fn check(expression: &str) -> Result<(), String> {
    let upper = expression.to_ascii_uppercase();
    let fields: Vec<&str> = upper.split_ascii_whitespace().collect();
    let problem = match fields.as_slice() {
        [_, _, _, day_of_month, _, day_of_week] | [_, _, _, day_of_month, _, day_of_week, _] => {
            let invalid = UNITS.iter().zip(&fields).find(|(unit, field)| !unit.allows(field));
            match invalid {
                Some((unit, field)) => format!("[{field}] is not a valid value for {}", unit.name),
                None if (*day_of_month == "?") == (*day_of_week == "?") => {
                    format!("exactly one of {DAY_OF_MONTH} and {DAY_OF_WEEK} must be [?]")
                }
                None => return Ok(()),
            }
        }
        other => format!("it has {} fields, but must have 6 or 7", other.len()),
    };
    Err(format!("invalid cron expression [{expression}]: {problem}"))
}

impl Unit {
    fn allows(&self, field: &str) -> bool {
        self.is_special(field) || field.split(',').all(|item| self.is_item(item))
    }

    /// `?`, and the special values of days: `L`, `W`, `#`.
    fn is_special(&self, field: &str) -> bool {
        match self.name {
            DAY_OF_MONTH => {
                let day = field.strip_suffix('W').unwrap_or(field);
                match day.strip_prefix('L') {
                    Some("") => true,
                    Some(rest) => {
                        rest.strip_prefix('-').and_then(number).is_some_and(|days| days <= 30)
                    }
                    None => field == "?" || (day != field && self.value(day).is_some()),
                }
            }
            DAY_OF_WEEK => match (field.strip_suffix('L'), field.split_once('#')) {
                (Some(day), _) => day.is_empty() || self.value(day).is_some(),
                (_, Some((day, nth))) => {
                    self.value(day).is_some() && number(nth).is_some_and(|n| (1..=5).contains(&n))
                }
                _ => field == "?",
            },
            _ => false,
        }
    }

    /// `*`, `5`, `MON-FRI`, `0/15`, `10-50/5`. A range may wrap around: `22-4`.
    fn is_item(&self, item: &str) -> bool {
        let (range, step) = item.split_once('/').map_or((item, None), |(r, s)| (r, Some(s)));
        let is_step_valid =
            step.is_none_or(|step| number(step).is_some_and(|step| (1..=self.max).contains(&step)));
        let is_range_valid = match range.split_once('-') {
            Some((from, to)) => self.value(from).is_some() && self.value(to).is_some(),
            None if range == "*" => true,
            None if range.is_empty() => step.is_some(),
            None => self.value(range).is_some(),
        };
        is_step_valid && is_range_valid
    }

    fn value(&self, text: &str) -> Option<u16> {
        let named = (self.min..).zip(self.names).find(|(_, name)| **name == text);
        let value = named.map(|(value, _)| value).or_else(|| number(text));
        value.filter(|value| (self.min..=self.max).contains(value))
    }
}

fn number(text: &str) -> Option<u16> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}
