#!/usr/bin/env node
// The command line. It exits with 0: done, 1: refused, 2: used wrongly, 3: not reachable, 4: timed out.

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { connectorStatus, ConnectorApiError, InvalidTransitionError } from "~client";

import { isRefusal } from "../retry.js";
import { commands, UsageError } from "./commands.js";
import { clean, printer } from "./print.js";

const DEFAULT_URL = "http://127.0.0.1:8787";
/** A request without a response after this time has failed. */
const PATIENCE = 30_000;

const general = {
  url: { type: "string", value: "URL", about: `the server's address (CONNECTOR_STATUS_URL; otherwise ${DEFAULT_URL})` },
  "api-key": { type: "string", value: "KEY", about: "the API key. Prefer CONNECTOR_STATUS_API_KEY: other users can see arguments" },
  json: { type: "boolean", about: "print JSON, one document per line" },
  help: { type: "boolean", short: "h", about: "show this help" },
};
const version = { version: { type: "boolean", about: "show the version" } };

/** Lines of two columns. */
function columns(lines) {
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

const optionLines = (options) =>
  Object.entries(options).map(([name, { short, value, about }]) => [
    `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`,
    about,
  ]);

const overview = () => `Usage: connector-status COMMAND [OPTIONS]

Connectors of a connector-status server, and their status.

${columns(Object.entries(commands).map(([name, { usage, about }]) => [usage ? `${name} ${usage}` : name, about]))}

Options:
${columns(optionLines({ ...general, ...version }))}

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 server not reachable, 4 timed out.
connector-status COMMAND --help shows the options of a command.
`;

const helpOf = (name, { usage, about, options = {}, example }) => `Usage: connector-status ${name}${usage ? ` ${usage}` : ""} [OPTIONS]

${about[0].toUpperCase()}${about.slice(1)}.

Options:
${columns(optionLines({ ...options, ...general }))}

Example:
${example.map((line) => `  ${line}`).join("\n")}
`;

/** The options and arguments that were given; `known` are the options that there are. */
function parse(args, known, strict) {
  const options = Object.fromEntries(Object.entries(known).map(([name, { type, short }]) => [name, short ? { type, short } : { type }]));
  try {
    return parseArgs({ args, options, strict, allowPositionals: true });
  } catch (error) {
    if (!/^ERR_PARSE_ARGS/.test(error.code)) throw error;
    throw new UsageError(error.message.split(". ")[0].split("\n")[0]);
  }
}

function clientFor(values, { stderr }) {
  const { CONNECTOR_STATUS_URL, CONNECTOR_STATUS_API_KEY } = process.env;
  const url = values.url ?? (CONNECTOR_STATUS_URL || DEFAULT_URL);
  if (!/^https?:/.test(url) || !URL.canParse(url)) throw new UsageError(`[${clean(url)}] is not a URL: write it as in ${DEFAULT_URL}`);
  if (values["api-key"] !== undefined) {
    stderr("Other users of this machine can see --api-key, and your shell remembers it. Set CONNECTOR_STATUS_API_KEY instead.");
  }
  const apiKey = values["api-key"] ?? (CONNECTOR_STATUS_API_KEY || undefined);
  /** @type {typeof fetch} */
  const patient = (address, init) => {
    const { signal } = init ?? {};
    const limit = AbortSignal.timeout(PATIENCE);
    return fetch(address, { ...init, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  };
  return { url, client: connectorStatus({ url, apiKey, fetch: patient }) };
}

/** The exit code and message of an error; `undefined` if it is unexpected.
 * @param {any} error */
function explain(error, { url, command = "" }) {
  if (error instanceof UsageError) return [2, `${error.message}\nconnector-status ${command}--help shows how to use it.`];
  if (error instanceof InvalidTransitionError) {
    return [1, `Not allowed: from ${error.from} to ${error.to}. Allowed: ${error.allowed.join(", ")}.`];
  }
  if (error.name === "TimeoutError") return [4, error.message];
  if (!(error instanceof ConnectorApiError)) return undefined;
  const { status, reason } = error;
  /** @type {any} */
  const cause = error.cause;
  if (status === 0) {
    const why = cause?.name === "TimeoutError" ? `no answer within ${PATIENCE / 1_000} s` : (cause?.cause?.code ?? cause?.cause?.message ?? cause?.message);
    return [3, `${url} can't be reached: ${why}`];
  }
  const hint = status === 401 ? " Set CONNECTOR_STATUS_API_KEY." : "";
  return [isRefusal(error) ? 1 : 3, `${reason} (${status})${hint}`];
}

async function main(args, print) {
  const all = Object.assign({}, general, version, ...Object.values(commands).map(({ options }) => options));
  const [name] = parse(args, all, false).positionals;
  const command = Object.hasOwn(commands, name ?? "") ? commands[name] : undefined;
  if (!command) {
    const { values } = parse(args, all, true);
    if (values.help) return print.text(overview());
    if (values.version) return print.text(`${JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version}\n`);
    throw new UsageError(name === undefined ? `Choose a command: ${Object.keys(commands).join(", ")}.` : `There is no command [${clean(name)}]: use one of ${Object.keys(commands).join(", ")}.`);
  }
  print.command = `${name} `;
  const { values, positionals } = parse(args, { ...general, ...command.options }, true);
  if (values.help) return print.text(helpOf(name, command));
  print.asJson = Boolean(values.json);
  const { url, client } = clientFor(values, print);
  print.url = url;
  return command.run({ client, print, options: values, args: positionals.slice(1) });
}

const print = printer(process.stdout, process.stderr, process.env);
// The reader, such as `head`, may stop early.
process.stdout.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
try {
  await main(process.argv.slice(2), print);
} catch (error) {
  const explained = explain(error, print);
  if (!explained) throw error;
  const [code, text] = explained;
  print.stderr(text);
  process.exitCode = code;
}
