//! The WebSockets of an object, which stay open while it sleeps: see sockets.js.

use js_sys::Array;
use wasm_bindgen::prelude::*;
use worker::worker_sys::DurableObjectState;

use super::{JsResult, JsString};

#[wasm_bindgen(module = "/src/edge/runtime/sockets.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn accept(
        state: &DurableObjectState,
        attachment: &str,
        message: &str,
        tag: &str,
    ) -> Result<JsValue, JsValue>;
    // Nothing is thrown. Without `catch` the two would be imported as they are, beside the others, and the
    // bundler warns of a module that is named twice.
    #[wasm_bindgen(catch)]
    fn count(state: &DurableObjectState, tag: Option<&str>) -> Result<u32, JsValue>;
    #[wasm_bindgen(catch)]
    fn groups(state: &DurableObjectState) -> Result<Array, JsValue>;
    fn send(sockets: &Array, from: u32, to: u32, message: &JsString);
    fn attach(sockets: &Array, attachment: &str);
    fn close(sockets: &Array, code: u16, reason: &str);
}

/// All sockets of an object.
pub(crate) struct Sockets(DurableObjectState);

impl Sockets {
    /// Of what the runtime gives an object.
    pub fn of(state: DurableObjectState) -> Self {
        Self(state)
    }

    /// Takes a new one, attaches a text to it and sends a first message; gives the response that
    /// hands its other end to the caller. By the tag they are counted.
    ///
    /// # Errors
    /// If the runtime refuses, as it does where the text is too long.
    pub fn accept(&self, attachment: &str, message: &str, tag: &str) -> JsResult {
        accept(&self.0, attachment, message, tag)
    }

    /// How many there are; with a tag: of those that have it.
    pub fn count(&self, tag: Option<&str>) -> u32 {
        count(&self.0, tag).unwrap_or_default()
    }

    /// Those that are open, by what is attached to them.
    pub fn groups(&self) -> Vec<SocketGroup> {
        let group = |pair: JsValue| {
            let pair: Array = pair.unchecked_into();
            SocketGroup {
                attachment: pair.get(0).as_string().unwrap_or_default(),
                sockets: pair.get(1).unchecked_into(),
            }
        };
        groups(&self.0).unwrap_or_default().iter().map(group).collect()
    }
}

/// Sockets that have the same attached to them.
pub(crate) struct SocketGroup {
    /// It.
    pub attachment: String,
    sockets: Array,
}

impl SocketGroup {
    /// A socket that a handler was called for.
    pub fn one(socket: &JsValue) -> Self {
        Self { attachment: String::new(), sockets: Array::of1(socket) }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        self.sockets.length()
    }

    /// Sends a message to those from one place to another.
    pub fn send(&self, from: u32, to: u32, message: &JsString) {
        send(&self.sockets, from, to, message);
    }

    /// Attaches something else to all of them.
    pub fn attach(&self, attachment: &str) {
        attach(&self.sockets, attachment);
    }

    /// Closes all of them.
    pub fn close(&self, code: u16, reason: &str) {
        close(&self.sockets, code, reason);
    }
}
