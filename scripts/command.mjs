// What all commands have in common: how options are read, what `--help` does, and what a command exits with.

import { parseArgs } from "node:util";

/** What a command exits with: done; refused or failed; used the wrong way; the service cannot be reached. */
export const [DONE, FAILED, USAGE, UNREACHABLE] = [0, 1, 2, 3];

/** Why a command ends early. The message is for the person who typed it. */
export class Failure extends Error {
  constructor(message, code = FAILED) {
    super(message);
    this.code = code;
  }
}

export function fail(message, code) {
  throw new Failure(message, code);
}

const HELP = { help: { type: "boolean", short: "h" } };

/** The options and names that a command was given. */
function read({ options = {}, needed = [], names = 0 }, args) {
  const [least, most] = [names].flat().length === 2 ? names : [names, names];
  let parsed;
  try {
    parsed = parseArgs({ args, allowPositionals: true, options: { ...options, ...HELP } });
  } catch ({ message }) {
    // Node goes on to explain how to pass such a text all the same.
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

/** The text of an error for people: no stack, and of a file what is wrong with it. */
function describe(error) {
  if (error instanceof Failure) return error.message;
  const reasons = { ENOENT: "there is no such file", EACCES: "you may not do that", EISDIR: "it is a folder", ENOTDIR: "it is not a folder", ENOSPC: "the disk is full" };
  if (error.code && error.path) return `${error.path}: ${reasons[error.code] ?? error.message}`;
  return `${error.name}: ${error.message}`.split("\n")[0];
}

/**
 * Runs a command. `name`: what it is called in `npm run NAME`; `usage`: what `--help` prints; `options`: as for parseArgs;
 * `needed`: which of them there have to be; `names`: how many arguments that are no options, or `[least, most]`.
 * `run` gets the options and `names`; what it returns is the exit code.
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

/** The options of a script that has no function to run: `--help` is answered and what is wrong is said at once. */
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

/** An address that was given; it has to be one of the web. */
export function address(text) {
  if (/^https?:\/\/./.test(text) && URL.canParse(text)) return text;
  return fail(`'${text}' is not an address like https://connectors.example`, USAGE);
}
