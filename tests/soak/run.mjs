// Runs the proofs at full length, all or the named ones. Run by `npm run soak`.

import * as proofs from "./proofs.mjs";

const wanted = process.argv.slice(2);
const failed = [];
let passed = 0;
for (const [name, proof] of Object.entries(proofs)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = Date.now();
  const { figures, problems } = await proof({});
  console.log(`${figures} (${Math.round((Date.now() - started) / 1000)} s)`);
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
  if (problems.length > 0) failed.push(name);
  else passed += 1;
}
console.log(`\n${passed} passed, ${failed.length} failed`);
process.exit(failed.length > 0 ? 1 : 0);
