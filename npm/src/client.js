// The client of the API. It checks moves without WebAssembly, so it works wherever `fetch` does.

import { ConnectorApiError, InvalidTransitionError } from "~error";
import { movers } from "rules";
import { assertTransition, explainTransition, isValidTransition, statuses } from "~js";

import { segment } from "./path.js";
import { requester } from "./request.js";
import { watch } from "./watch.js";

export { ConnectorApiError, InvalidTransitionError };

/** @type {typeof import("./types/client.js").transitionOptions} */
export function transitionOptions(from) {
  return statuses.map((status) => {
    const reason = explainTransition(from, status);
    return { status, allowed: reason === undefined, reason, ...movers[status] };
  });
}

const pathOf = (id) => `/_connector/${segment(id)}`;
const jobOf = (id) => `/_connector/_sync_job/${segment(id, "sync job")}`;

/** A list by items or pages. `load(cursor)` returns a page; `next(page, cursor)` the start of the next one. */
function listing(first, load, next) {
  async function* pages() {
    for (let cursor = first; cursor !== undefined; ) {
      const page = await load(cursor);
      yield page;
      cursor = next(page, cursor);
    }
  }
  return {
    pages,
    async *[Symbol.asyncIterator]() {
      for await (const { results } of pages()) yield* results;
    },
  };
}

/** @type {typeof import("./types/client.js").connectorStatus} */
export function connectorStatus({ url, apiKey, fetch = globalThis.fetch, WebSocket = globalThis.WebSocket }) {
  const base = String(url).replace(/\/+$/, "");
  const request = requester(base, apiKey, fetch);
  const bodyOf = async (/** @type {Parameters<typeof request>} */ ...args) => (await request(...args)).body;
  const resultOf = async (/** @type {Parameters<typeof request>} */ ...args) => (await bodyOf(...args)).result;

  const look = (id, query, signal) => request("GET", `${pathOf(id)}/_status`, { query, signal });

  /** A list that is paged by `from` and `size`.
   * @param {string} path
   * @param {Record<string, any>} [options] */
  const numbered = (path, { signal, from = 0, size = 100, ...filter } = {}) =>
    listing(
      from,
      (from) => bodyOf("GET", path, { query: { ...filter, from, size }, signal }),
      ({ count, results }, from) => {
        const end = from + results.length;
        return results.length > 0 && end < count ? end : undefined;
      },
    );

  /** Checks a move against the current status, and makes it if nothing has changed since. */
  async function move(id, to, signal) {
    const { body, etag: ifMatch } = await look(id, { size: 0 }, signal);
    assertTransition(body.status, to);
    return resultOf("PUT", `${pathOf(id)}/_status`, { body: { status: to }, ifMatch, signal });
  }

  /** An update of sync jobs: a function of a job's id, and of the body if it takes one.
   * @param {string} name */
  const jobUpdate = (name) => async (id, body, /** @type {{ signal?: AbortSignal }} */ { signal } = {}) => resultOf("PUT", `${jobOf(id)}/${name}`, { body, signal });
  const bare = (name) => {
    const update = jobUpdate(name);
    return (id, options) => update(id, undefined, options);
  };
  const setJobError = jobUpdate("_error");

  return {
    request,

    list: (options) => numbered("/_connector", options),

    summary: async ({ signal, ...query } = {}) => bodyOf("GET", "/_connector/_summary", { query, signal }),

    get: async (id, { signal, ...query } = {}) => bodyOf("GET", pathOf(id), { query, signal }),

    status: async (id, { signal, ...query } = {}) => (await look(id, query, signal)).body,

    history(id, { signal, size = 100, before } = {}) {
      pathOf(id);
      return listing(
        { size, before },
        async (query) => ({ results: (await look(id, query, signal)).body.history }),
        ({ results }) => (results.length < size ? undefined : { size, before: results.at(-1).version }),
      );
    },

    async create({ id, ...body } = {}, { ifNoneMatch = "*", signal } = {}) {
      if (id === undefined) return bodyOf("POST", "/_connector", { body, signal });
      return bodyOf("PUT", pathOf(id), { body, ifNoneMatch, signal });
    },

    async update(id, to, { signal } = {}) {
      isValidTransition(to, to); // throws a TypeError for an unknown status before anything is sent
      try {
        return await move(id, to, signal);
      } catch (error) {
        if (!(error instanceof ConnectorApiError && error.status === 412)) throw error;
        return move(id, to, signal);
      }
    },

    options: async (id, { signal } = {}) => transitionOptions((await look(id, { size: 0 }, signal)).body.status),

    setError: async (id, error, { signal } = {}) => resultOf("PUT", `${pathOf(id)}/_error`, { body: { error }, signal }),

    async delete(id, { signal, ...query } = {}) {
      await request("DELETE", pathOf(id), { query, signal });
    },

    restore: async (id, { signal } = {}) => resultOf("POST", `${pathOf(id)}/_restore`, { signal }),

    syncJobs: {
      list: (options) => numbered("/_connector/_sync_job", options),
      get: async (id, { signal } = {}) => bodyOf("GET", jobOf(id), { signal }),
      create: async (body, { signal } = {}) => bodyOf("POST", "/_connector/_sync_job", { body, signal }),
      async delete(id, { signal } = {}) {
        await request("DELETE", jobOf(id), { signal });
      },
      claim: jobUpdate("_claim"),
      checkIn: bare("_check_in"),
      stats: jobUpdate("_stats"),
      suspend: bare("_suspend"),
      complete: bare("_complete"),
      cancel: bare("_cancel"),
      setError: (id, error, options) => setJobError(id, { error }, options),
    },

    watch({ id, signal } = {}) {
      const seen = id === undefined ? "/_connector" : `${pathOf(id)}/_status`;

      async function connect(since) {
        if (!WebSocket) return undefined;
        // URLs are logged, so the key must not be in one. A ticket can be used only once.
        const ticket = apiKey && (await bodyOf("POST", "/_connector/_watch", { signal })).ticket;
        // Keys of the cluster behind the server get no tickets.
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
          return (await request("GET", seen, { query: { size: 0 }, ifNoneMatch: tag, signal })).etag;
        } catch (error) {
          if (error.status === 304) return tag;
          // A deleted connector may be created again.
          if (error.status === 404 && id !== undefined) return "";
          throw error;
        }
      }

      return watch(connect, ask, signal);
    },
  };
}
