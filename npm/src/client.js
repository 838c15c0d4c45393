// The server's API, with the check before each write. The check is the one without WebAssembly, so
// that it works wherever `fetch` does.

import { ConnectorApiError, InvalidTransitionError } from "~error";
import { movers } from "rules";
import { assertTransition, explainTransition, isValidTransition, statuses } from "~js";

import { watch } from "./watch.js";

export { ConnectorApiError, InvalidTransitionError };

export function transitionOptions(from) {
  return statuses.map((status) => {
    const reason = explainTransition(from, status);
    return { status, allowed: reason === undefined, reason, ...movers[status] };
  });
}

export function connectorStatus({
  url,
  apiKey,
  fetch = globalThis.fetch,
  WebSocket = globalThis.WebSocket,
}) {
  const base = String(url).replace(/\/+$/, "");
  const authorization = apiKey === undefined ? {} : { authorization: `ApiKey ${apiKey}` };

  /** The path of a connector. */
  function pathOf(id) {
    // These would name another path than was meant.
    if (typeof id !== "string" || /^\.{0,2}$/.test(id)) {
      throw new TypeError(`[${String(id)}] is not a connector id`);
    }
    return `/${encodeURIComponent(id)}`;
  }

  /** Sends a request about a connector: a PUT if there is a `body`, otherwise a GET. */
  const send = async (id, below, options) => request(options.body ? "PUT" : "GET", pathOf(id) + below, options);

  async function request(method, path, { body, condition, signal }) {
    const json = body && { "content-type": "application/json" };
    const response = await fetch(`${base}/_connector${path}`, {
      method,
      headers: { accept: "application/json", ...authorization, ...json, ...condition },
      body: body && JSON.stringify(body),
      signal,
    });
    const answer = parse(await response.text());
    if (!response.ok || !answer) throw failure(response, answer?.error);
    return { answer, etag: response.headers.get("etag") };
  }

  const look = (id, signal) => send(id, "/_status?size=0", { signal });

  /** Checks a move against the status as it is now, and makes it if nothing came between. */
  async function move(id, to, signal) {
    const { answer, etag } = await look(id, signal);
    assertTransition(answer.status, to);
    const condition = etag && { "if-match": etag };
    const moved = await send(id, "/_status", { body: { status: to }, condition, signal });
    return moved.answer.result;
  }

  return {
    async get(id, { signal } = {}) {
      return (await send(id, "/_status", { signal })).answer;
    },

    async create(id, fields, { ifNoneMatch = "*", signal } = {}) {
      const condition = ifNoneMatch && { "if-none-match": ifNoneMatch };
      return (await send(id, "", { body: fields ?? {}, condition, signal })).answer.result;
    },

    async update(id, to, { signal } = {}) {
      isValidTransition(to, to); // a TypeError for what is no status, before anything is sent
      try {
        return await move(id, to, signal);
      } catch (error) {
        if (!(error instanceof ConnectorApiError && error.status === 412)) throw error;
        return move(id, to, signal);
      }
    },

    async options(id, { signal } = {}) {
      return transitionOptions((await look(id, signal)).answer.status);
    },

    watch({ id, signal } = {}) {
      const seen = id === undefined ? "?size=0" : `${pathOf(id)}/_status?size=0`;

      async function connect(since) {
        if (!WebSocket) return undefined;
        // A key must not be in a URL, where it would be logged. A ticket is worth nothing a moment later.
        const ticket = apiKey && (await request("POST", "/_watch", { signal })).answer.ticket;
        // There are none for keys of the cluster behind the server.
        if (ticket === null) return undefined;
        const address = new URL(`${base}/_connector/_watch`, globalThis.location?.href);
        address.protocol = address.protocol.replace("http", "ws");
        for (const [name, value] of Object.entries({ id, since, ticket })) {
          if (value !== undefined) address.searchParams.set(name, value);
        }
        return new WebSocket(address);
      }

      async function ask(tag) {
        try {
          return (await request("GET", seen, { condition: tag && { "if-none-match": tag }, signal })).etag;
        } catch (error) {
          if (error.status === 304) return tag;
          // One that is gone may come again.
          if (error.status === 404 && id !== undefined) return "";
          throw error;
        }
      }

      return watch(connect, ask, signal);
    },
  };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error in the server's envelope, or in whatever else has answered. */
function failure({ status, statusText }, error) {
  const reason = error?.reason ?? (typeof error === "string" ? error : statusText);
  return new ConnectorApiError(status, error?.type, reason || `HTTP ${status} without a readable answer`);
}
