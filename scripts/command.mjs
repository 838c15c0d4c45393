// What all commands share: how options are read, what `--help` prints, and exit codes.

import { parseArgs } from "node:util";

/** Exit codes: done; refused or failed; wrong usage; service unreachable. */
export const [DONE, FAILED, USAGE, UNREACHABLE] = [0, 1, 2, 3];

/** Ends a command early. The message is for the person who ran it. */
export class Failure extends Error {
  constructor(message, code = FAILED) {
    super(message);
    this.code = code;
  }
}

/**
 * Ends a command early.
 * @param {string} message
 * @param {number} [code]
 * @returns {never}
 */
export function fail(message, code) {
  throw new Failure(message, code);
}

/** @typedef {{ options?: Record<string, any>, needed?: string[], names?: number | [number, number] }} Shape
 *   the options and arguments of a command, see `command` */

/** @type {import("node:util").ParseArgsOptionsConfig} */
const HELP = { help: { type: "boolean", short: "h" } };

/** Parses the options and positional arguments of a command.
 * @param {Shape} shape
 * @param {string[]} args
 * @returns {any} */
function read({ options = {}, needed = [], names = 0 }, args) {
  const [least, most] = typeof names === "number" ? [names, names] : names;
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { ...options, ...HELP } });
  } catch ({ message }) {
    // Node adds advice on how to pass such an argument, which is cut off.
    fail(message.split(". ")[0].replace(/\.$/, ""), USAGE);
  }
  const { values, positionals } = parsed;
  if (values.help) return { help: true };
  const missing = needed.find((name) => !values[name]);
  if (missing) fail(`--${missing} is missing`, USAGE);
  if (positionals.length > most) fail(`Unexpected argument '${positionals[most]}'`, USAGE);
  if (positionals.length < least) fail("An argument is missing", USAGE);
  return { ...values, names: positionals };
}

/** An error as text for people, without a stack; for file errors, the path and the cause. */
function describe(error) {
  if (error instanceof Failure) return error.message;
  const reasons = { ENOENT: "no such file", EACCES: "permission denied", EISDIR: "this is a folder", ENOTDIR: "this is not a folder", ENOSPC: "the disk is full" };
  if (error.code && error.path) return `${error.path}: ${reasons[error.code] ?? error.message}`;
  return `${error.name}: ${error.message}`.split("\n")[0];
}

/**
 * Runs a command. `name`: its name in `npm run NAME`; `usage`: what `--help` prints; `options`: as for parseArgs;
 * `needed`: the required options; `names`: the number of positional arguments, or `[least, most]`. `run` gets the
 * options and `names`; what it returns is the exit code.
 * @param {Shape & { name: string, usage: string }} command
 * @param {(options: any) => any} run
 * @param {string[]} [args]
 */
export async function command({ name, usage, ...shape }, run, args = process.argv.slice(2)) {
  try {
    const options = read(shape, args);
    if (options.help) console.log(usage.trim());
    else process.exitCode = (await run(options)) ?? DONE;
  } catch (error) {
    const hint = error.code === USAGE && error instanceof Failure ? `. See npm run ${name} -- --help` : "";
    console.error(`${describe(error)}${hint}`);
    process.exit(error instanceof Failure ? error.code : FAILED);
  }
}

/** Reads the options of a script without a `run` function: answers `--help` and reports wrong options.
 * @param {Shape & { name: string, usage: string }} script
 * @param {string[]} [args] */
export function readOptions({ name, usage, ...shape }, args = process.argv.slice(2)) {
  try {
    const options = read(shape, args);
    if (!options.help) return options;
    console.log(usage.trim());
  } catch (error) {
    console.error(`${describe(error)}. See npm run ${name} -- --help`);
    process.exit(USAGE);
  }
  return process.exit(DONE);
}

/** A given address, which must be an http or https URL. */
export function address(text) {
  if (/^https?:\/\/./.test(text) && URL.canParse(text)) return text;
  return fail(`'${text}' is not a URL like https://connectors.example`, USAGE);
}
