// The format of a backup file: a header line, one line of JSON for each part of a connector, and a last line with their
// number and checksum. A connector that changed while the backup ran appears more than once; the last occurrence
// counts.

import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { fail } from "./command.mjs";
import { root } from "./tools.mjs";

const KIND = "connector-status";
const FORMAT = 2;
/** The start of every backup file. */
const START = JSON.stringify({ backup: KIND }).slice(0, -1);

/** The version of this project, recorded in each file. */
function version() {
  const files = ["npm/package.json", "package.json"].map((file) => join(root, file)).filter(existsSync);
  return files.map((file) => JSON.parse(readFileSync(file, "utf8")).version).find(Boolean) ?? "unknown";
}

/**
 * The header line. `service`: which service the backup is of; `since`: the service's last sequence number when the
 * backup began.
 */
export const header = ({ url, service, since }) =>
  JSON.stringify({ backup: KIND, format: FORMAT, service, url: new URL(url).origin, version: version(), started_at: new Date().toISOString(), since });

/** Compares ids by their bytes, as the service does. */
const isAfter = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;

function parse(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What identifies a connector's state, ignoring versions and heartbeats. */
export function fingerprint(lines) {
  const parts = lines.map((line) => JSON.parse(line));
  const [{ document, history = [] }] = parts;
  const { last_seen, ...rest } = document ?? {};
  const jobs = parts.flatMap(({ jobs = [] }) => jobs.map(({ id, document: { last_seen, ...job } }) => [id, job]));
  return createHash("sha256").update(JSON.stringify([document === null, rest, history, jobs])).digest("hex");
}

/** The version of the connector's last change that was not a heartbeat. */
export const changedAt = ({ version, edited = version, history = [] }) => Math.max(edited, ...history.map(({ seq }) => seq));

/** Fails unless the path is a regular file. */
function assertFile(file) {
  const found = statSync(file);
  if (!found.isFile()) fail(`${file} is not a regular file`);
  return found;
}

async function* linesOf(file) {
  const input = createReadStream(file);
  const failed = new Promise((_, reject) => input.once("error", reject));
  failed.catch(() => {});
  yield* createInterface({ input, crlfDelay: Infinity });
  if (input.errored) throw input.errored;
}

/**
 * Reads a whole file. Returns `header`; `end`, the last line; `connectors`, by id: the `first` and `last` line number
 * of the newest state, `version` and `changed`; `problems`; `intact` and `intactLines`: how many bytes and lines from
 * the start are valid, up to the last complete connector; `unreadable`: connectors that could not be saved, and why.
 */
export async function inspect(file) {
  const { size } = assertFile(file);
  const found = { connectors: new Map(), unreadable: new Map(), problems: [], intact: 0, intactLines: 0 };
  const hash = createHash("sha256");
  let [number, bytes, isSound] = [0, 0, true];
  /** The connector whose lines are being read. */
  let current;
  const problem = (text) => {
    isSound = false;
    found.problems.push(text);
  };
  const close = () => {
    if (current?.next !== undefined) problem(`[${current.id}] is incomplete: it ends at line ${number - 1}`);
    else if (current) found.connectors.set(current.id, current);
    current = undefined;
  };
  for await (const line of linesOf(file)) {
    number += 1;
    bytes += Buffer.byteLength(line) + 1;
    if (number === 1 && line.slice(0, START.length) !== START.slice(0, line.length)) fail(`${file} is not a backup of this service`);
    if (bytes > size) {
      problem(`line ${number} is cut off`);
      break;
    }
    const value = parse(line);
    if (number === 1) {
      if (value?.backup !== KIND) fail(`${file} is not a backup of this service`);
      if (value.format !== FORMAT) fail(`${file} has format ${value.format}, and this version reads ${FORMAT}`);
      found.header = value;
    } else if (found.end) {
      problem(`line ${number} comes after the end`);
    } else if (value?.end === true) {
      close();
      found.end = value;
      continue;
    } else if (value?.format !== 1 || typeof value.id !== "string") {
      problem(`line ${number} is damaged`);
    } else if (value.unreadable !== undefined) {
      close();
      found.unreadable.set(value.id, value.unreadable);
    } else if (value.version !== undefined) {
      close();
      found.unreadable.delete(value.id);
      current = { id: value.id, first: number, last: number, next: value.next, version: value.version, changed: changedAt(value) };
    } else if (current?.id === value.id && current.next !== undefined) {
      Object.assign(current, { last: number, next: value.next });
    } else {
      problem(`line ${number} is a part of [${value.id}] whose start is missing`);
    }
    hash.update(`${line}\n`);
    if (isSound && current?.next === undefined) Object.assign(found, { intact: bytes, intactLines: number });
  }
  number += 1;
  close();
  const sha256 = hash.digest("hex");
  const { end } = found;
  if (number === 1) problem("it is empty");
  else if (!end) problem("it has no end: the backup was interrupted");
  else {
    if (end.lines !== number - 3) problem(`it has ${number - 3} lines instead of ${end.lines}`);
    if (end.connectors !== found.connectors.size) problem(`it has ${found.connectors.size} connectors instead of ${end.connectors}`);
    if (end.sha256 !== sha256) problem("its checksum does not match its lines");
  }
  return found;
}

/** The newest complete state of each connector that `inspect` found, as `{ id, lines }`, in file order. */
export async function* statesOf(file, connectors) {
  let [number, lines] = [0, []];
  for await (const line of linesOf(file)) {
    number += 1;
    const value = parse(line);
    if (typeof value?.id !== "string") continue;
    const state = connectors.get(value.id);
    if (!state || number < state.first || number > state.last) continue;
    lines.push(line);
    if (number < state.last) continue;
    yield { id: value.id, lines };
    lines = [];
  }
}

/** Where to resume an interrupted file: the connectors in its valid part, and the last of their ids. */
export function positionOf({ connectors, unreadable, intactLines }) {
  const known = [...connectors].filter(([, { last }]) => last <= intactLines).map(([id]) => id);
  const cursor = [...known, ...unreadable.keys()].reduce((last, id) => (isAfter(id, last) ? id : last), "");
  return { known, cursor };
}

/**
 * Opens a file for writing: `write` appends lines, `end` the last one. Keeps the first `intact` bytes, which hold the
 * connectors in `known`. Only the owner can read the file.
 */
export async function openBackup(file, { intact = 0, known = [] } = {}) {
  const hash = createHash("sha256");
  let lines = -1;
  if (file && intact > 0) {
    truncateSync(file, intact);
    for await (const line of linesOf(file)) {
      hash.update(`${line}\n`);
      lines += 1;
    }
  }
  const out = file ? openSync(file, intact > 0 ? "a" : "w", 0o600) : process.stdout.fd;
  if (file) fchmodSync(out, 0o600);
  const put = (text) => {
    for (let bytes = Buffer.from(text); bytes.length > 0; ) bytes = bytes.subarray(writeSync(out, bytes));
  };
  const ids = new Set(known);
  const write = (id, some) => {
    if (id !== undefined) ids.add(id);
    lines += some.length;
    const text = some.map((line) => `${line}\n`).join("");
    hash.update(text);
    put(text);
  };
  return {
    count: () => ids.size,
    header: (line) => write(undefined, [line]),
    write,
    unreadable: (id, why) => write(undefined, [JSON.stringify({ format: 1, id, unreadable: why })]),
    /** `more`: further fields of the last line. */
    end(more = {}) {
      put(`${JSON.stringify({ end: true, connectors: ids.size, lines, sha256: hash.digest("hex"), ...more })}\n`);
      if (file) {
        fsyncSync(out);
        closeSync(out);
      }
    },
  };
}

/** Checks a file after it was written, then gives it its final name. */
export async function finish(part, file) {
  const { problems } = await inspect(part);
  if (problems.length > 0) fail(`${part} was not written correctly: ${problems.join("; ")}`);
  if (existsSync(file)) fail(`${file} was created in the meantime. The backup is in ${part}`);
  renameSync(part, file);
}

/** Fails if the file exists: backups never overwrite anything. */
export function assertNew(file) {
  if (!existsSync(file)) return;
  assertFile(file);
  fail(`${file} exists already and is not overwritten. Choose another name.`);
}
