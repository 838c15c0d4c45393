//! The WebSockets of an object. The runtime holds them while the object sleeps; what is to be remembered of
//! one is attached to it, as a text.

use std::collections::HashMap;

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{Response, ResponseInit};
use worker::worker_sys::{DurableObjectState, WebSocketPair, WebSocketRequestResponsePair};

use super::{JsResult, JsString};

/// Answered by the runtime, which does not wake the object for it.
const PING: &str = "ping";
const PONG: &str = "pong";
/// `WebSocket.OPEN`
const OPEN: u16 = 1;

#[wasm_bindgen]
extern "C" {
    // The `worker` crate's socket takes a message as a Rust string, and one goes to thousands.
    #[derive(Clone)]
    type Socket;
    #[wasm_bindgen(method, catch)]
    fn send(this: &Socket, message: &JsString) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &Socket, code: u16, reason: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, js_name = readyState)]
    fn ready_state(this: &Socket) -> u16;
    #[wasm_bindgen(method, catch, js_name = serializeAttachment)]
    fn serialize_attachment(this: &Socket, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = deserializeAttachment)]
    fn deserialize_attachment(this: &Socket) -> Result<JsValue, JsValue>;
}

/// All sockets of an object. The `worker` crate's methods for them panic where the runtime refuses.
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
        let mut pair = WebSocketPair::new()?;
        let (theirs, ours) = (pair.client()?, pair.server()?);
        let socket: &Socket = ours.unchecked_ref();
        socket.serialize_attachment(attachment)?;
        let pong = WebSocketRequestResponsePair::new(PING, PONG)?;
        self.0.set_websocket_auto_response(&pong)?;
        self.0.accept_websocket_with_tags(&ours, vec![JsValue::from(tag)])?;
        socket.send(&JsString::from(message))?;
        let init = ResponseInit::new();
        init.set_status(101);
        Reflect::set(&init, &"webSocket".into(), &theirs)?;
        Ok(Response::new_with_opt_str_and_init(None, &init)?.into())
    }

    fn all(&self, tag: Option<&str>) -> Vec<Socket> {
        let all = match tag {
            Some(tag) => self.0.get_websockets_with_tag(tag),
            None => self.0.get_websockets(),
        };
        all.unwrap_or_default().into_iter().map(JsCast::unchecked_into).collect()
    }

    /// How many there are; with a tag: of those that have it.
    pub fn count(&self, tag: Option<&str>) -> u32 {
        len(&self.all(tag))
    }

    /// Those that are open, by what is attached to them.
    pub fn groups(&self) -> Vec<SocketGroup> {
        let mut groups: HashMap<String, Vec<Socket>> = HashMap::new();
        for socket in self.all(None) {
            if socket.ready_state() == OPEN {
                let attachment = socket.deserialize_attachment().ok().and_then(|it| it.as_string());
                groups.entry(attachment.unwrap_or_default()).or_default().push(socket);
            }
        }
        let group = |(attachment, sockets)| SocketGroup { attachment, sockets };
        groups.into_iter().map(group).collect()
    }
}

/// Sockets that have the same attached to them. One that has just gone is no reason not to go on with the
/// others, so what the runtime says about a single one is not heard.
pub(crate) struct SocketGroup {
    /// It.
    pub attachment: String,
    sockets: Vec<Socket>,
}

impl SocketGroup {
    /// A socket that a handler was called for.
    pub fn one(socket: &JsValue) -> Self {
        Self { attachment: String::new(), sockets: vec![socket.clone().unchecked_into()] }
    }

    /// How many there are.
    pub fn len(&self) -> u32 {
        len(&self.sockets)
    }

    /// Sends a message to those from one place to another.
    pub fn send(&self, from: u32, to: u32, message: &JsString) {
        let count = to.saturating_sub(from) as usize;
        for socket in self.sockets.iter().skip(from as usize).take(count) {
            drop(socket.send(message));
        }
    }

    /// Attaches something else to all of them.
    pub fn attach(&self, attachment: &str) {
        for socket in &self.sockets {
            drop(socket.serialize_attachment(attachment));
        }
    }

    /// Closes all of them.
    pub fn close(&self, code: u16, reason: &str) {
        for socket in &self.sockets {
            drop(socket.close(code, reason));
        }
    }
}

fn len(sockets: &[Socket]) -> u32 {
    u32::try_from(sockets.len()).unwrap_or(u32::MAX)
}
