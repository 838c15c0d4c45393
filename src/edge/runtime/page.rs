//! Long texts that stay on the side of JavaScript.

use super::JsString;

/// A page of documents with what stands around it. There may be megabytes of them.
pub(crate) struct Page {
    /// What stands before them.
    pub before: String,
    /// The documents.
    pub items: JsString,
    /// What stands after them.
    pub after: &'static str,
}

impl Page {
    /// The text of the response that begins with a head.
    pub fn after_head(&self, head: &str) -> JsString {
        let start = JsString::from(format!("{head}{}", self.before));
        start.concat(&self.items).concat(&self.after.into())
    }

    /// The page as text.
    pub fn to_text(&self) -> String {
        // Put together on the other side, so that there are not two of it here.
        String::from(self.after_head(""))
    }
}
