// The tables of tests/tables, against a real workerd.

import { after, before, test } from "node:test";

import { runTable, tables } from "../tables/cases.mjs";
import { send, startWorker } from "./worker.mjs";

let worker;
let kv;
before(async () => {
  worker = await startWorker();
  kv = (await worker.env()).CONNECTORS;
  // The first who needs the Directory waits for its look at Workers KV, which a claim of an index does not do for long.
  await send(worker.url, "GET", "/_connector");
});
after(() => worker.close());

// A document is laid out by JavaScript, which does not keep how its numbers are written.
const isMeant = ({ exact_numbers, before }) => !(exact_numbers && before);
for (const name of tables) {
  test(name, () =>
    runTable(name, async (id, document) => {
      // Documents come in as imported ones do.
      if (document) await kv.put(`c:${id}`, JSON.stringify(document));
      return async (method, path, body, headers) => {
        const { status, body: answer } = await send(worker.url, method, path, body, headers);
        const found = await send(worker.url, "GET", `/_connector/${id}?include_deleted=true`);
        return { status, body: answer, document: found.status === 404 ? null : found.body };
      };
    }, isMeant),
  );
}
