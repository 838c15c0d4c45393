//! Numbers in Prometheus' text form. What is counted here is counted by this isolate since it was
//! started; the Directory knows the rest (objects/directory/metrics.rs).

use std::cell::RefCell;
use std::fmt::Display;

/// The media type of the text form.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const PREFIX: &str = "connector_status_";

/// Requests that were refused, by reason.
#[derive(Default)]
pub(super) struct Refusals(RefCell<Vec<(&'static str, u64)>>);

impl Refusals {
    /// Counts one.
    pub fn count(&self, why: &'static str) {
        let mut counts = self.0.borrow_mut();
        match counts.iter_mut().find(|(reason, _)| *reason == why) {
            Some((_, count)) => *count += 1,
            None => counts.push((why, 1)),
        }
    }

    /// All of them.
    pub fn to_text(&self) -> String {
        let counts = self.0.borrow();
        let mut family = Family::new(
            "refused_total",
            "counter",
            "Requests that were not let in, by reason, of the isolate that answers.",
        );
        for (why, count) in counts.iter() {
            family.add(&[("reason", why)], count);
        }
        family.text
    }
}

/// Samples of one name.
pub(super) struct Family {
    name: &'static str,
    /// What they are so far.
    pub text: String,
}

impl Family {
    /// With none yet.
    pub fn new(name: &'static str, kind: &str, help: &str) -> Self {
        let text = format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
        Self { name, text }
    }

    /// Adds one. Values of labels are ours, and need no escapes.
    pub fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = match labels.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", labels.join(",")),
        };
        self.text.push_str(&format!("{PREFIX}{}{labels} {value}\n", self.name));
    }
}
