//! Long response bodies that stay in JavaScript's memory.

use super::JsString;

/// The body of a response with documents. They may be megabytes long.
pub(crate) struct Page {
    pub before: String,
    pub items: JsString,
    pub after: &'static str,
}

impl Page {
    /// The text of a response with this head.
    pub fn after_head(&self, head: &str) -> JsString {
        let start = JsString::from(format!("{head}{}", self.before));
        start.concat(&self.items).concat(&self.after.into())
    }

    pub fn to_text(&self) -> String {
        // Concatenated in JavaScript, so that Wasm holds only one copy.
        String::from(self.after_head(""))
    }
}
