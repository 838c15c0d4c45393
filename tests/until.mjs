// Waiting for a condition, with a time limit.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Repeats `ask` until its result is as wished, and returns it; fails with the last result after that many seconds. */
export async function until(ask, wished = Boolean, seconds = 20) {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const answer = await ask();
    if (wished(answer)) return answer;
    if (Date.now() > deadline) assert.fail(`after ${seconds} s still ${JSON.stringify(answer)}`);
    await sleep(50);
  }
}
