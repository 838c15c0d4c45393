//! Values that the fields of a document had recently.
//!
//! Clients such as Kibana read a document, change one field and send all of it back. By then, others may
//! have changed other fields, and the outdated values must not overwrite theirs. So a value that a field
//! had recently doesn't count as a requested change.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Fields;
use crate::values::Time;
use crate::values::sorted::sort;

/// For how long an old value counts as recent: Kibana's requests time out after two minutes.
const RECENT_MS: u64 = 120_000;
/// The number of values that are kept per document.
const VALUES: usize = 64;

/// Values that fields had recently, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecentValues(Vec<RecentValue>);

/// The name of the field, the hash of its value, and when the value was replaced, in milliseconds since
/// 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RecentValue(String, String, u64);

impl RecentValues {
    /// Records the values of fields that are about to change, and drops values that are no longer recent.
    pub fn record<'a>(
        &mut self,
        before: &Fields,
        changed: impl IntoIterator<Item = &'a str>,
        now: Time,
    ) {
        let now = millis(now);
        self.0.retain(|value| is_recent(value.2, now));
        for name in changed {
            let hash = hash(before.get(name).unwrap_or(&Value::Null));
            self.0.push(RecentValue(name.to_owned(), hash, now));
        }
        let surplus = self.0.len().saturating_sub(VALUES);
        self.0.drain(..surplus);
    }

    pub fn record_value(&mut self, name: &str, value: &Value, until: Time) {
        self.0.push(RecentValue(name.to_owned(), hash(value), millis(until)));
    }

    /// Whether the field had this value recently.
    pub fn contains(&self, name: &str, value: &Value, now: Time) -> bool {
        let mut values = self.0.iter().filter(|it| it.0 == name && is_recent(it.2, millis(now)));
        // Hashing is expensive: skip it if there is nothing to compare with.
        values.clone().next().is_some() && {
            let hash = hash(value);
            values.any(|it| it.1 == hash)
        }
    }
}

/// Whether two values are the same to a client that reads one and writes the other. The client may format
/// numbers differently.
pub fn are_equivalent(a: &Value, b: &Value) -> bool {
    a == b || hash(a) == hash(b)
}

fn is_recent(then: u64, now: u64) -> bool {
    now.saturating_sub(then) < RECENT_MS
}

fn millis(time: Time) -> u64 {
    u64::try_from(time.millis()).unwrap_or_default()
}

/// The same for equivalent values. Hashes are stored, so the algorithm must not change.
fn hash(value: &Value) -> String {
    let mut hasher = Fnv::default();
    hasher.value(value);
    format!("{:016x}", hasher.0)
}

/// The 64-bit FNV-1a hash.
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
            Value::Bool(value) => self.bytes(if *value { b"t" } else { b"f" }),
            // As a double, because that is how JavaScript clients read it.
            Value::Number(number) => match number.as_f64().filter(|it| it.is_finite()) {
                Some(number) => {
                    // -0 and 0 are equal, but differ in their bits.
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
