// The API of the edge, with the check before each write. Uses the table without WebAssembly: it
// is the same table, and works wherever `fetch` does.

import { ConnectorApiError, InvalidTransitionError } from "~error";
import { movers } from "rules";
import { assertTransition, explainTransition, isValidTransition, statuses } from "~js";

export { ConnectorApiError, InvalidTransitionError };

export function transitionOptions(from) {
  return statuses.map((status) => {
    const reason = explainTransition(from, status);
    return { status, allowed: reason === undefined, reason, ...movers[status] };
  });
}

export function connectorStatus({ url, apiKey, fetch = globalThis.fetch }) {
  const base = String(url).replace(/\/+$/, "");
  const authorization = apiKey === undefined ? {} : { authorization: `ApiKey ${apiKey}` };

  /** Sends a request about a connector's status. */
  async function send(id, query, { headers, ...init }) {
    // These would name another path than was meant.
    if (typeof id !== "string" || /^\.{0,2}$/.test(id)) {
      throw new TypeError(`[${String(id)}] is no connector id`);
    }
    const path = `/_connector/${encodeURIComponent(id)}/_status${query}`;
    const response = await fetch(base + path, {
      ...init,
      headers: { accept: "application/json", ...authorization, ...headers },
    });
    const answer = parse(await response.text());
    if (!response.ok || !answer) throw failure(response, answer?.error);
    return { answer, etag: response.headers.get("etag") };
  }

  /** Checks a move against the status as it is now, and makes it if nothing came between. */
  async function move(id, to, signal) {
    const { answer, etag } = await send(id, "?size=0", { signal });
    assertTransition(answer.status, to);
    const moved = await send(id, "", {
      method: "PUT",
      headers: { "content-type": "application/json", ...(etag && { "if-match": etag }) },
      body: JSON.stringify({ status: to }),
      signal,
    });
    return moved.answer.result;
  }

  const get = async (id, { signal } = {}) => (await send(id, "", { signal })).answer;

  return {
    get,

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
      const { answer } = await send(id, "?size=0", { signal });
      return transitionOptions(answer.status);
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

/** An error envelope of the edge, or whatever else is no success. */
function failure({ status, statusText }, error) {
  const reason = error?.reason ?? (typeof error === "string" ? error : statusText);
  return new ConnectorApiError(status, error?.type, reason || `HTTP ${status} without a readable answer`);
}
