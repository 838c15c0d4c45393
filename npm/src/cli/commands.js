// The commands.

import { isConnectorStatus, statuses } from "~js";
import { observe } from "~store";

import { segment } from "../path.js";

/** Wrong usage. */
export class UsageError extends Error {}

/** Rows in one request. */
const PAGE = 100;
const AWAY = "The server can't be reached. Trying again until it can.";
const BACK = "The server is back.";

/** The arguments, one for each name. Names in brackets are optional. */
function named(args, ...names) {
  const required = names.filter((name) => !name.startsWith("["));
  if (args.length < required.length) throw new UsageError(`${required[args.length]} is missing.`);
  if (args.length > names.length) throw new UsageError(`[${args[names.length]}] is an unexpected argument.`);
  if (args[0] !== undefined) {
    try {
      segment(args[0]);
    } catch ({ message }) {
      throw new UsageError(message);
    }
  }
  return args;
}

function statusOf(text) {
  if (!isConnectorStatus(text)) throw new UsageError(`[${text}] is not a status: use one of ${statuses.join(", ")}.`);
  return text;
}

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** The longest timer. */
const LONGEST = 24 * 24 * units.h;

function milliseconds(text) {
  const [, number, unit] = text.match(/^(\d+(?:\.\d+)?)(ms|s|m|h)$/) ?? [];
  const found = Math.round(number * units[unit]);
  if (!(found <= LONGEST)) throw new UsageError(`[${text}] is not a time: write it as in 90s, 5m or 2h; at most ${LONGEST / units.h}h.`);
  return found;
}

const row = {
  status: ({ status }) => status,
  id: ({ id }) => id,
  name: ({ name }) => name,
  type: ({ service_type }) => service_type,
  since: ({ since }) => since,
  error: ({ error }) => error,
};

export const commands = {
  list: {
    about: "lists connectors, the most urgent first",
    options: {
      status: { type: "string", value: "STATUS,...", about: "only those with one of these statuses" },
      type: { type: "string", value: "TYPE,...", about: "only those of one of these service types" },
      query: { type: "string", value: "WORDS", about: "only those that contain all of these words" },
      silent: { type: "boolean", about: "only silent connectors" },
    },
    example: ["connector-status list --status error,needs_configuration"],
    async run({ client, print, options, args }) {
      named(args);
      options.status?.split(",").forEach(statusOf);
      const { status, type: service_type, query, silent } = options;
      for (let from = 0; ; from += PAGE) {
        const { count, results } = await client.summary({ status, service_type, query, silent, from, size: PAGE });
        print.table(results, row, { cut: true });
        if (results.length === 0 || from + results.length >= count) return;
      }
    },
  },

  get: {
    usage: "ID",
    about: "shows a connector",
    example: ["connector-status get my-connector", "connector-status get my-connector --json"],
    async run({ client, print, args }) {
      const [id] = named(args, "ID");
      const connector = await client.get(id);
      const names = ["id", "name", "status", "error", "service_type", "index_name", "last_seen", "last_synced", "last_sync_status", "last_sync_error"];
      print.fields(connector, Object.fromEntries(names.map((name) => [name, connector[name]])));
    },
  },

  next: {
    usage: "ID",
    about: "shows which statuses a connector may move to, and why not to others",
    example: ["connector-status next my-connector"],
    async run({ client, print, args }) {
      const [id] = named(args, "ID");
      print.table(await client.options(id), {
        status: ({ status }) => status,
        allowed: ({ allowed }) => (allowed ? "yes" : "no"),
        "who, or why not": ({ reason, when }) => reason ?? when,
      });
    },
  },

  move: {
    usage: "ID STATUS",
    about: "moves a connector to a status, if the protocol allows it",
    example: ["connector-status move my-connector configured"],
    async run({ client, print, args }) {
      const [id, to] = named(args, "ID", "STATUS");
      const result = await client.update(id, statusOf(to));
      print.document({ id, status: to, result }, [[result === "noop" ? `${id} is ${to} already.` : `${id} is ${to} now.`]]);
    },
  },

  error: {
    usage: "ID TEXT",
    about: "reports an error, which moves the connector to error",
    options: { clear: { type: "boolean", about: "instead of TEXT: clears the error, which moves the connector to connected" } },
    example: ['connector-status error my-connector "The password has expired"', "connector-status error my-connector --clear"],
    async run({ client, print, options: { clear }, args }) {
      const [id, text = null] = named(args, "ID", ...(clear ? [] : ["TEXT"]));
      if (text === "") throw new UsageError("TEXT is empty. To clear an error, use --clear.");
      const result = await client.setError(id, text);
      print.document({ id, error: text, result }, [[clear ? `${id} has no error now.` : `${id} is in error now.`]]);
    },
  },

  watch: {
    usage: "[ID]",
    about: "prints changes of one connector or of all as they happen",
    example: ["connector-status watch", "connector-status watch my-connector --json"],
    async run({ client, print, args }) {
      const [id] = named(args, "[ID]");
      for await (const event of reached(client.watch({ id }), print)) {
        if (print.asJson) print.document(event);
        else if (event.type === "change" && !event.heartbeat) {
          const { status = "deleted", error } = event.connector ?? {};
          print.lines([[new Date().toISOString(), event.id, status, ...(error ? [error] : [])]]);
        }
      }
    },
  },

  wait: {
    usage: "ID STATUS",
    about: "waits until a connector has a status",
    options: { timeout: { type: "string", value: "TIME", about: "how long to wait: 90s, 5m, 2h (default: 5m)" } },
    example: ["connector-status wait my-connector connected --timeout 10m && echo ready"],
    async run({ client, print, options: { timeout = "5m" }, args }) {
      const [id, wanted] = named(args, "ID", "STATUS");
      statusOf(wanted);
      const time = milliseconds(timeout);
      const store = observe(client, id);
      let status;
      let isAway = false;
      let timer;
      await new Promise((resolve, reject) => {
        timer = setTimeout(() => {
          const message = status ? `${id} is still ${status} after ${timeout}.` : `The server has not answered within ${timeout}.`;
          reject(new DOMException(message, "TimeoutError"));
        }, time);
        store.subscribe(({ value, error, reconnecting }) => {
          // A server that was reached before is waited for.
          if (error && !(reconnecting && status)) return reject(error);
          if (reconnecting !== isAway) print.stderr(reconnecting ? AWAY : BACK);
          isAway = reconnecting;
          status = value?.status;
          if (status === wanted) resolve(undefined);
        });
      }).finally(() => {
        clearTimeout(timer);
        store.close();
      });
      print.document({ id, status }, [[`${id} is ${status}.`]]);
    },
  },

  sync: {
    usage: "ID",
    about: "requests a sync of a connector and prints the id of the sync job",
    options: { type: { type: "string", value: "TYPE", about: "full (default), incremental or access_control" } },
    example: ["connector-status sync my-connector"],
    async run({ client, print, options: { type: job_type }, args }) {
      const [id] = named(args, "ID");
      const types = ["full", "incremental", "access_control"];
      if (job_type !== undefined && !types.includes(job_type)) throw new UsageError(`[${job_type}] is not a type of sync job: use one of ${types.join(", ")}.`);
      const job = await client.syncJobs.create({ id, job_type });
      print.document(job, [[job.id]]);
    },
  },
};

/** The events. Throws if the server can't be reached at first; later it reports losing and finding it again. */
async function* reached(events, print) {
  let isReached = false;
  for await (const event of events) {
    if (event.type === "lost") {
      if (!isReached) throw event.error;
      print.stderr(AWAY);
    }
    if (event.type === "resumed") print.stderr(BACK);
    isReached = true;
    yield event;
  }
}
