// Short runs of the proofs that measure time or memory, so that nothing else may run beside them. `npm run soak` runs them
// longer.

import { testProofs } from "./short-proofs.mjs";

testProofs({
  budget: { shapes: ["short names", "numbers", "a long text"], byHand: 26, random: 4, many: 0 },
  memory: { requests: 2_500 },
  // With so few writes, durations vary much.
  webhooks: { connectors: 60, rounds: 3, kills: 1, slack: 2 },
});
