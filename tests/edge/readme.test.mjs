// The README's curl commands, pasted into a shell, print the README's output.

import { join } from "node:path";
import { after, before, test } from "node:test";

import { root } from "../../scripts/tools.mjs";
import { playSession } from "../session.mjs";
import { startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

test("the README's commands print what the README shows", (t) => playSession(t, join(root, "README.md"), worker.url));
