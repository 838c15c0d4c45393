// A proxy in front of a server that can fail on demand.

import { connect, createServer } from "node:net";

/** A proxy with a fixed address that can cut connections, close, or refuse sockets. */
export async function startProxy(port) {
  const open = new Set();
  const state = { refuses: () => false };
  const listener = createServer((near) => {
    const far = connect(port(), "127.0.0.1");
    open.add(near);
    near.on("close", () => open.delete(near));
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    near.on("data", (data) => {
      if (state.refuses(data.toString("latin1"))) near.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      else far.write(data);
    });
    far.on("data", (data) => near.write(data));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const cut = () => open.forEach((socket) => socket.destroy());
  return Object.assign(state, {
    url: `http://127.0.0.1:${listener.address().port}`,
    cut,
    close: () => {
      cut();
      listener.close();
    },
  });
}
