// The WebSockets of an object. The runtime holds them while the object sleeps; what is to be remembered of one is
// attached to it, as a text.

/** Answered by the runtime, which does not wake the object for it. */
const PING = "ping";
const PONG = "pong";

/** Takes a new socket and sends its first message; gives the response that hands its other end to the caller. */
export function accept(state, attachment, message, tag) {
  const [theirs, ours] = Object.values(new WebSocketPair());
  ours.serializeAttachment(attachment);
  state.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  state.acceptWebSocket(ours, [tag]);
  ours.send(message);
  return new Response(null, { status: 101, webSocket: theirs });
}

export const count = (state, tag) => state.getWebSockets(tag).length;

/** Open sockets by what is attached to them: an array of `[attachment, sockets]`. */
export function groups(state) {
  const groups = new Map();
  for (const socket of state.getWebSockets()) {
    if (socket.readyState !== WebSocket.OPEN) continue;
    const attachment = socket.deserializeAttachment() ?? "";
    const group = groups.get(attachment);
    if (group) group.push(socket);
    else groups.set(attachment, [socket]);
  }
  return [...groups];
}

/** One that has just gone is no reason not to do it with the others. */
function each(sockets, doIt) {
  for (const socket of sockets) {
    try {
      doIt(socket);
    } catch {}
  }
}

export const send = (sockets, from, to, message) => each(sockets.slice(from, to), (socket) => socket.send(message));

export const attach = (sockets, attachment) => each(sockets, (socket) => socket.serializeAttachment(attachment));

export const close = (sockets, code, reason) => each(sockets, (socket) => socket.close(code, reason));
