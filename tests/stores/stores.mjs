// Stores that a version of this project wrote, as text: the databases of all objects, and Workers KV. Every later
// version must open them.

import { globSync, mkdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";

// Integers beyond JavaScript's precision become an object with a text, and so do alarms, in nanoseconds since 1970.
const written = (value) => (typeof value !== "bigint" ? value : Number.isSafeInteger(Number(value)) ? Number(value) : { integer: String(value) });
const read = (value) => (typeof value?.integer === "string" ? BigInt(value.integer) : value);
const each = (change, row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, change(value)]));

/** The databases below a folder: `{ path: { statements, rows: { table: [row] } } }`. */
export function storesOf(disk) {
  const stores = {};
  for (const file of globSync(join(disk, "*/*.sqlite")).sort()) {
    const database = new DatabaseSync(file);
    const made = database.prepare("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'trigger', rowid").all();
    const rows = {};
    for (const { type, name } of made) {
      if (type !== "table") continue;
      const all = database.prepare(`SELECT * FROM "${name}"`);
      all.setReadBigInts(true);
      rows[name] = all.all().map((row) => each(written, row));
    }
    database.close();
    stores[relative(disk, file)] = { statements: made.map(({ sql }) => sql), rows };
  }
  return stores;
}

/** Creates these databases below a folder. */
export function layOut(stores, disk) {
  for (const [path, { statements, rows }] of Object.entries(stores)) {
    const file = join(disk, path);
    mkdirSync(dirname(file), { recursive: true });
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = wal");
    const isTrigger = (sql) => sql.startsWith("CREATE TRIGGER");
    for (const sql of statements.filter((sql) => !isTrigger(sql))) database.exec(sql);
    for (const [table, all] of Object.entries(rows)) {
      for (const row of all) {
        const names = Object.keys(row);
        const places = names.map(() => "?").join(", ");
        const columns = names.map((name) => `"${name}"`).join(", ");
        database.prepare(`INSERT INTO "${table}" (${columns}) VALUES (${places})`).run(...Object.values(each(read, row)));
      }
    }
    for (const sql of statements.filter(isTrigger)) database.exec(sql);
    database.close();
  }
}
