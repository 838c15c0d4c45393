//! An object's WebSockets. The runtime keeps them open while the object hibernates, and their state is stored
//! as a text attached to each.

use std::collections::HashMap;

use js_sys::Reflect;
use wasm_bindgen::prelude::*;
use web_sys::{Response, ResponseInit};
use worker::worker_sys::{DurableObjectState, WebSocketPair, WebSocketRequestResponsePair};

use super::{JsResult, JsString};

/// The runtime answers pings without waking the object.
const PING: &str = "ping";
const PONG: &str = "pong";
/// `WebSocket.OPEN`
const OPEN: u16 = 1;

#[wasm_bindgen]
extern "C" {
    // The `worker` crate's socket takes a message as a Rust string, but one message goes to thousands of sockets.
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

/// All sockets of an object. The `worker` crate's methods panic if the runtime throws.
pub(crate) struct Sockets(DurableObjectState);

impl Sockets {
    pub fn of(state: DurableObjectState) -> Self {
        Self(state)
    }

    /// Accepts a new socket, attaches a text and sends a first message. Returns the response with the client's
    /// end. `tag`: for [`Self::count`].
    ///
    /// # Errors
    /// If the runtime throws, for example because the text is too long.
    pub fn accept(&self, attachment: &str, message: &str, tag: &str) -> JsResult {
        let mut pair = WebSocketPair::new()?;
        let (client, server) = (pair.client()?, pair.server()?);
        let socket: &Socket = server.unchecked_ref();
        socket.serialize_attachment(attachment)?;
        let pong = WebSocketRequestResponsePair::new(PING, PONG)?;
        self.0.set_websocket_auto_response(&pong)?;
        self.0.accept_websocket_with_tags(&server, vec![JsValue::from(tag)])?;
        socket.send(&JsString::from(message))?;
        let init = ResponseInit::new();
        init.set_status(101);
        Reflect::set(&init, &"webSocket".into(), &client)?;
        Ok(Response::new_with_opt_str_and_init(None, &init)?.into())
    }

    fn all(&self, tag: Option<&str>) -> Vec<Socket> {
        let all = match tag {
            Some(tag) => self.0.get_websockets_with_tag(tag),
            None => self.0.get_websockets(),
        };
        all.unwrap_or_default().into_iter().map(JsCast::unchecked_into).collect()
    }

    /// The number of sockets, or of those with a tag.
    pub fn count(&self, tag: Option<&str>) -> u32 {
        len(&self.all(tag))
    }

    /// The open sockets, grouped by their attachment.
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

/// Sockets with the same attachment. Errors of a single socket are ignored: it may just have closed, and the
/// others must still be served.
pub(crate) struct SocketGroup {
    pub attachment: String,
    sockets: Vec<Socket>,
}

impl SocketGroup {
    /// The socket that a handler was called for.
    pub fn one(socket: &JsValue) -> Self {
        Self { attachment: String::new(), sockets: vec![socket.clone().unchecked_into()] }
    }

    pub fn len(&self) -> u32 {
        len(&self.sockets)
    }

    /// Sends a message to the sockets in this range.
    pub fn send(&self, from: u32, to: u32, message: &JsString) {
        let count = to.saturating_sub(from) as usize;
        for socket in self.sockets.iter().skip(from as usize).take(count) {
            drop(socket.send(message));
        }
    }

    /// Replaces the attachment of all sockets.
    pub fn attach(&self, attachment: &str) {
        for socket in &self.sockets {
            drop(socket.serialize_attachment(attachment));
        }
    }

    pub fn close(&self, code: u16, reason: &str) {
        for socket in &self.sockets {
            drop(socket.close(code, reason));
        }
    }
}

fn len(sockets: &[Socket]) -> u32 {
    u32::try_from(sockets.len()).unwrap_or(u32::MAX)
}
