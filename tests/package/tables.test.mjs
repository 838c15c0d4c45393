// The tables of tests/tables, in the preview.

import { join } from "node:path";
import { test } from "node:test";

import { runTable, tables } from "../tables/cases.mjs";
import { dist } from "./package.mjs";

const { load, preview } = await import(join(dist, "preview.js"));
await load();

// Paths that are about no connector are no business of the preview.
for (const name of tables.filter((name) => name !== "elsewhere")) {
  test(name, () =>
    runTable(name, (id, document) => {
      let connector = document && { id, ...document };
      return (method, path, body) => {
        const said = preview(connector, { method, path, body });
        connector = said.connector;
        return { status: said.status, body: said.body, document: connector };
      };
    }),
  );
}
