// What the Directory keeps in its SQLite database: a slim row for each connector with what lists filter and sort
// by, its document in a table of its own, totals, and index names that are claimed. Sync jobs likewise.
//
// What changes often - the status and when the connector was last seen - stands in the slim row alone, so that
// neither a move nor a heartbeat writes a document again.

// `deleted`: 0 no, 1 soft, 2 erased: a row that remembers the version, so that no older entry brings it back.
// `version` 0: taken up from Workers KV, its object has not been asked yet. `seq`: the change of the Directory that
// wrote the row; `changed`: the last one that was more than a heartbeat. A name that is claimed is not committed yet.
const TABLES = `
  CREATE TABLE IF NOT EXISTS entry (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    index_name TEXT,
    name TEXT,
    service_type TEXT,
    description TEXT,
    status TEXT,
    since TEXT,
    deleted INTEGER NOT NULL,
    last_seen TEXT,
    error TEXT,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    changed INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS entry_in_order ON entry (deleted, index_name IS NULL, index_name, id);
  CREATE INDEX IF NOT EXISTS entry_by_status ON entry (deleted, status, index_name IS NULL, index_name, id);
  CREATE INDEX IF NOT EXISTS entry_by_service_type ON entry (deleted, service_type, index_name IS NULL, index_name, id);
  CREATE INDEX IF NOT EXISTS entry_by_name ON entry (deleted, name, index_name IS NULL, index_name, id);
  CREATE INDEX IF NOT EXISTS entry_by_change ON entry (changed);
  CREATE TABLE IF NOT EXISTS document (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS total (
    deleted INTEGER NOT NULL,
    status TEXT NOT NULL,
    service_type TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (deleted, status, service_type)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS claim (
    index_name TEXT NOT NULL,
    id TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (index_name, token)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
`;

// `last_seen` is what the document says, `seen` the same in milliseconds since 1970, as is `created_at`. A job without
// a status was erased: its row remembers the version. `seq`: the number of the Directory's last change when the row was
// written, so a backup finds what has changed while it ran.
const JOB_TABLES = `
  CREATE TABLE IF NOT EXISTS job (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    connector_id TEXT,
    status TEXT,
    job_type TEXT,
    created_at INTEGER,
    last_seen TEXT,
    seen INTEGER,
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX IF NOT EXISTS job_in_order ON job (created_at IS NULL, created_at DESC, id) WHERE status IS NOT NULL;
  CREATE INDEX IF NOT EXISTS job_by_status ON job (status, created_at IS NULL, created_at DESC, id);
  CREATE INDEX IF NOT EXISTS job_by_connector ON job (connector_id, created_at IS NULL, created_at DESC, id);
  CREATE TABLE IF NOT EXISTS job_document (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
`;

// What names are sorted by, see `sort_key` in src/directory/summary.rs; rows of an earlier time get theirs once.
const TITLES = `
  ALTER TABLE entry ADD COLUMN title TEXT;
  CREATE INDEX entry_by_urgency ON entry (deleted, status, since DESC, title, id);
  CREATE INDEX entry_by_title ON entry (deleted, title, id);
`;

// Tickets that were used to watch, until they are out of date.
const TICKETS = "CREATE TABLE ticket (nonce TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID";

// Consumers of outboxes that are behind, and since when in milliseconds since 1970, as the connectors' objects report it.
const BEHIND = `
  CREATE TABLE behind (id TEXT NOT NULL, consumer TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (id, consumer))
  WITHOUT ROWID
`;
const BEHIND_BY_AGE = "CREATE INDEX behind_by_age ON behind (consumer, since)";

/** Adds to a total, for a row that comes (`NEW`) or goes (`OLD`). A missing type counts under the empty text. */
const count = (row, by) => `
    INSERT INTO total VALUES (${row}.deleted, coalesce(${row}.status, ''), coalesce(${row}.service_type, ''), ${by})
    ON CONFLICT DO UPDATE SET count = count + ${by};`;

const TRIGGERS = `
  CREATE TRIGGER IF NOT EXISTS entry_comes AFTER INSERT ON entry BEGIN ${count("NEW", 1)} END;
  CREATE TRIGGER IF NOT EXISTS entry_goes AFTER DELETE ON entry BEGIN ${count("OLD", -1)} END;
  CREATE TRIGGER IF NOT EXISTS entry_moves AFTER UPDATE OF deleted, status, service_type ON entry
  BEGIN ${count("OLD", -1)} ${count("NEW", 1)} END;
`;

const FIELDS = ["index_name", "name", "service_type", "description", "status", "since", "deleted", "error", "last_seen", "title"];

/** Makes the tables if there are none. */
export function open({ sql }) {
  const found = sql
    .exec(
      "SELECT name FROM sqlite_master WHERE name IN ('entry_moves', 'job_document', 'ticket', 'entry_by_title', 'behind', 'behind_by_age')",
    )
    .toArray();
  const names = found.map(({ name }) => name);
  if (!names.includes("entry_moves")) sql.exec(TABLES + TRIGGERS);
  if (!names.includes("job_document")) sql.exec(JOB_TABLES);
  else if (!hasColumn(sql, "job", "seq")) sql.exec("ALTER TABLE job ADD COLUMN seq INTEGER NOT NULL DEFAULT 0");
  if (!names.includes("ticket")) sql.exec(TICKETS);
  if (!names.includes("entry_by_title")) sql.exec(TITLES);
  if (!names.includes("behind")) sql.exec(BEHIND);
  if (!names.includes("behind_by_age")) sql.exec(BEHIND_BY_AGE);
}

const hasColumn = (sql, table, column) =>
  sql.exec("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, column).toArray().length > 0;

/**
 * Takes up entries, all or none; gives what became of each: `taken`, `seen` if only
 * last_seen was new, `older` than what is there, `document needed`, or `index in use`. A document is given beside a single entry or in it; without one, the one that is there stays.
 */
export function apply(storage, entries, document, seq) {
  const take = () => JSON.parse(entries).map((entry) => applyOne(storage.sql, entry, document ?? entry.document, seq));
  return JSON.stringify(storage.transactionSync(take));
}

function applyOne(sql, entry, document, seq) {
  const [old] = sql.exec("SELECT * FROM entry WHERE id = ?", entry.id).toArray();
  // `anew`: whoever says how it is doubts what is known here.
  if (entry.anew) sql.exec("DELETE FROM behind WHERE id = ?", entry.id);
  if (old && (old.version > entry.version || (old.version === entry.version && !entry.anew))) {
    forgetSettled(sql, entry);
    return "older";
  }
  const isErased = entry.deleted === 2;
  // Connectors have claimed their index before; documents from Workers KV have not.
  if (entry.version === 0 && entry.deleted === 0 && isInUse(sql, entry.index_name)) return "index in use";
  if (document === undefined && !isErased && !(old && old.deleted !== 2)) return "document needed";
  const { key, isMore } = old ? update(sql, old, entry, document, seq) : insert(sql, entry, seq);
  if (isErased) sql.exec("DELETE FROM document WHERE key = ?", key);
  else if (document !== undefined) sql.exec("INSERT OR REPLACE INTO document VALUES (?, ?)", key, document);
  forgetSettled(sql, entry);
  return isMore ? "taken" : "seen";
}

/** Forgets claims whose write is in the entry, or in a newer one. */
function forgetSettled(sql, { settled = [] }) {
  for (const claim of settled) sql.exec("DELETE FROM claim WHERE index_name = ? AND token = ?", ...claim);
}

const isInUse = (sql, index) =>
  index !== null &&
  sql
    .exec(
      `SELECT 1 FROM entry WHERE deleted = 0 AND (index_name IS NULL) = 0 AND index_name = ?
       UNION ALL SELECT 1 FROM claim WHERE index_name = ? LIMIT 1`,
      index,
      index,
    )
    .toArray().length > 0;

function insert(sql, entry, seq) {
  const columns = ["id", ...FIELDS, "version", "seq", "changed"];
  const places = columns.map(() => "?").join(", ");
  const values = FIELDS.map((field) => entry[field]);
  const query = `INSERT INTO entry (${columns.join(", ")}) VALUES (${places}) RETURNING key`;
  const { key } = sql.exec(query, entry.id, ...values, entry.version, seq, seq).one();
  return { key, isMore: true };
}

/** Only what differs is written: each column that is named costs a row in its indexes. */
function update(sql, old, entry, document, seq) {
  const fields = FIELDS.filter((field) => old[field] !== entry[field]);
  const isMore = document !== undefined || fields.some((field) => field !== "last_seen");
  const columns = [...fields, "version", "seq", ...(isMore ? ["changed"] : [])];
  const values = columns.map((column) => (column === "seq" || column === "changed" ? seq : entry[column]));
  sql.exec(`UPDATE entry SET ${columns.map((name) => `${name} = ?`).join(", ")} WHERE key = ?`, ...values, old.key);
  return { key: old.key, isMore };
}

const JOB_FIELDS = ["connector_id", "status", "job_type", "created_at", "last_seen", "seen"];

/**
 * Takes up jobs, all or none; gives what became of each: `taken`, `seen` if only last_seen was new, `older` than what
 * is there, or `document needed`. Without a document, the one that is there stays.
 */
export function applyJobs(storage, jobs) {
  const take = () => JSON.parse(jobs).map((job) => applyJob(storage.sql, job));
  return JSON.stringify(storage.transactionSync(take));
}

function applyJob(sql, job) {
  const [old] = sql.exec("SELECT * FROM job WHERE id = ?", job.id).toArray();
  if (old && old.version >= job.version) return "older";
  const isErased = job.status === null;
  if (!isErased && job.document === undefined && !(old && old.version >= job.edited)) return "document needed";
  // Each column that is named costs a row in its indexes.
  const fields = JOB_FIELDS.filter((field) => !old || old[field] !== job[field]);
  const values = fields.map((field) => job[field]);
  let key = old?.key;
  if (old) {
    const places = [...fields, "version", "seq"].map((field) => `${field} = ?`).join(", ");
    sql.exec(`UPDATE job SET ${places} WHERE key = ?`, ...values, job.version, job.seq, key);
  } else {
    const query = `INSERT INTO job (id, version, seq, ${fields.join(", ")}) VALUES (?, ?, ?, ${fields.map(() => "?").join(", ")}) RETURNING key`;
    ({ key } = sql.exec(query, job.id, job.version, job.seq, ...values).one());
  }
  if (isErased) sql.exec("DELETE FROM job_document WHERE key = ?", key);
  else if (job.document !== undefined) sql.exec("INSERT OR REPLACE INTO job_document VALUES (?, ?)", key, job.document);
  return fields.every((field) => field === "last_seen" || field === "seen") ? "seen" : "taken";
}

/**
 * The documents whose keys in `entry` or `job` a statement gives, as JSON with commas between them: how many, and the
 * text, which is `undefined` if it is more than `limit` characters. `head` is an expression for what stands before the
 * members of a document, `tail` what stands after the document.
 */
export function page({ sql }, table, head, tail, statement, values, limit) {
  let count = 0;
  let text = "";
  for (const [before, status, lastSeen, json] of select(sql, table, head, statement, values)) {
    text += `${count === 0 ? "" : ","}${before}${members(status, lastSeen, json)}${tail}`;
    if (text.length > limit) return [count, undefined];
    count += 1;
  }
  return [count, text];
}

/** The documents whose keys a statement gives, row by row, each after `columns`. */
const select = (sql, table, columns, statement, values) =>
  sql
    .exec(
      `SELECT ${columns}, status, last_seen, json FROM (${statement})
       CROSS JOIN ${table} USING (key) CROSS JOIN ${table === "job" ? "job_document" : "document"} USING (key)`,
      ...JSON.parse(values),
    )
    .raw();

/** The members of a document, with those that change often put back. */
function members(status, lastSeen, json) {
  const seen = lastSeen === null ? "" : `,"last_seen":${JSON.stringify(lastSeen)}`;
  const rest = json === "{}" ? "}" : `,${json.slice(1)}`;
  return `"status":"${status}"${seen}${rest}`;
}

/** The text of a response: its head, and a page with what stands around it. */
export const pageResponse = (head, before, items, after) => `${head}${before}${items}${after}`;
