// The tables of tests/tables, in the preview.

import { join } from "node:path";
import { test } from "node:test";

import { runTable, tables } from "../tables/cases.mjs";
import { dist } from "./package.mjs";

const { load, preview } = await import(join(dist, "preview.js"));
await load();

// The preview handles requests without headers, about one connector, with numbers that JavaScript can hold.
const isMeant = ({ headers, exact_numbers }) => headers === undefined && !exact_numbers;
for (const name of tables.filter((name) => name !== "elsewhere")) {
  test(`every case of the table ${name} is answered as expected`, () => {
    const start = (id, document) => {
      let connector = document && { id, ...document };
      return (method, path, body) => {
        const said = preview(connector, { method, path, body });
        connector = said.connector;
        return { status: said.status, body: said.body, document: connector };
      };
    };
    return runTable(name, start, isMeant);
  });
}
