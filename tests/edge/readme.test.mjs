// The README's curl lines, pasted into a shell, give the README's answers.

import { join } from "node:path";
import { after, before, test } from "node:test";

import { root } from "../../scripts/tools.mjs";
import { playSession } from "../session.mjs";
import { startWorker } from "./worker.mjs";

let worker;
before(async () => (worker = await startWorker()));
after(() => worker.close());

test("the README's session", (t) => playSession(t, join(root, "README.md"), worker.url));
