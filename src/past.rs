//! What the fields of a document were before they were changed lately.
//!
//! A document may come back as a whole, as a search has shown it a moment ago, with a change to one of its
//! fields. All other fields are as they were then, and must not turn back what has changed since. So a value
//! that a field had until lately is none that the caller asks for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Fields;
use crate::values::Time;
use crate::values::sorted::sort;

/// How long somebody may take between seeing a document and sending it back, in milliseconds: Kibana gives
/// up on a request of its own after two minutes.
const SEEN_MS: u64 = 120_000;
/// So many values are remembered of one document.
const VALUES: usize = 64;

/// Values that fields had until lately, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Past(Vec<PastValue>);

/// A value that a field had: the name of the field, a digest of the value, and until when it had it, in
/// milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PastValue(String, String, u64);

impl Past {
    /// Notes what these fields were, which get other values now. What is too old to matter is forgotten.
    pub fn note<'a>(
        &mut self,
        before: &Fields,
        changed: impl IntoIterator<Item = &'a str>,
        now: Time,
    ) {
        let now = millis(now);
        self.0.retain(|value| is_recent(value.2, now));
        for name in changed {
            let digest = digest(before.get(name).unwrap_or(&Value::Null));
            self.0.push(PastValue(name.to_owned(), digest, now));
        }
        let surplus = self.0.len().saturating_sub(VALUES);
        self.0.drain(..surplus);
    }

    /// Notes that a field had this value until then.
    pub fn note_value(&mut self, name: &str, value: &Value, until: Time) {
        self.0.push(PastValue(name.to_owned(), digest(value), millis(until)));
    }

    /// Whether the field had this value until lately.
    pub fn had(&self, name: &str, value: &Value, now: Time) -> bool {
        let mut values = self.0.iter().filter(|it| it.0 == name && is_recent(it.2, millis(now)));
        // To make a digest takes longer than to find out that there is nothing to compare it with.
        values.clone().next().is_some() && {
            let digest = digest(value);
            values.any(|it| it.1 == digest)
        }
    }
}

/// Whether two values are the same to a client that has read one and writes the other: numbers may be
/// written in another way, and what is absent may be null.
pub fn are_alike(a: &Value, b: &Value) -> bool {
    a == b || digest(a) == digest(b)
}

fn is_recent(then: u64, now: u64) -> bool {
    now.saturating_sub(then) < SEEN_MS
}

fn millis(time: Time) -> u64 {
    u64::try_from(time.millis()).unwrap_or_default()
}

/// A digest that is the same for values that are alike. It is stored, so it stays as it is.
fn digest(value: &Value) -> String {
    let mut hash = Fnv::default();
    hash.value(value);
    format!("{:016x}", hash.0)
}

/// FNV-1a with 64 bits.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn text(&mut self, kind: u8, text: &str) {
        self.bytes(&[kind]);
        self.bytes(&(text.len() as u64).to_le_bytes());
        self.bytes(text.as_bytes());
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes(b"n"),
            Value::Bool(is_so) => self.bytes(if *is_so { b"t" } else { b"f" }),
            // As JavaScript reads them.
            Value::Number(number) => match number.as_f64().filter(|it| it.is_finite()) {
                Some(number) => {
                    // There are two zeros.
                    let number = if number == 0.0 { 0.0 } else { number };
                    self.bytes(b"d");
                    self.bytes(&number.to_bits().to_le_bytes());
                }
                None => self.text(b'N', &number.to_string()),
            },
            Value::String(text) => self.text(b's', text),
            Value::Array(items) => {
                self.bytes(b"[");
                items.iter().for_each(|item| self.value(item));
                self.bytes(b"]");
            }
            Value::Object(members) => {
                self.bytes(b"{");
                let mut members: Vec<_> = members.iter().collect();
                sort(&mut members, &mut |a, b| a.0.cmp(b.0));
                for (name, value) in members {
                    self.text(b'k', name);
                    self.value(value);
                }
                self.bytes(b"}");
            }
        }
    }
}
