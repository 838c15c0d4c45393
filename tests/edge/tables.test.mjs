// The tables in tests/tables, against a real workerd.

import { after, before, test } from "node:test";

import { runTable, tables } from "../tables/cases.mjs";
import { send, startWorker } from "./worker.mjs";

let worker;
let kv;
before(async () => {
  worker = await startWorker();
  kv = (await worker.env()).CONNECTORS;
  // The first request to the Directory waits for it to read Workers KV; an index claim would not wait that long.
  await send(worker.url, "GET", "/_connector");
});
after(() => worker.close());

// JavaScript lays out the document before the request, which loses how numbers are written.
const isMeant = ({ exact_numbers, before }) => !(exact_numbers && before);
for (const name of tables) {
  test(`every case of the table ${name} is answered as expected`, () =>
    runTable(name, async (id, document) => {
      // Documents are created by importing them.
      if (document) await kv.put(`c:${id}`, JSON.stringify(document));
      return async (method, path, body, headers) => {
        const { status, body: answer } = await send(worker.url, method, path, body, headers);
        const found = await send(worker.url, "GET", `/_connector/${id}?include_deleted=true`);
        return { status, body: answer, document: found.status === 404 ? null : found.body };
      };
    }, isMeant),
  );
}
