import assert from "node:assert/strict";
import { test } from "node:test";

import * as proofs from "./proofs.mjs";

/** Tests each of the proofs with its options. */
export function testProofs(short) {
  for (const [name, options] of Object.entries(short)) {
    test(`the proof ${name} finds no problem`, async () => {
      const { figures, problems } = await proofs[name](options);
      console.log(figures);
      assert.deepEqual(problems.slice(0, 5), []);
    });
  }
}
