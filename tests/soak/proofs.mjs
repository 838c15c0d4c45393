// The proofs. Each returns `{ figures, problems }`: a line to print, and what went wrong.

export { linearizability } from "./proofs/linearizability.mjs";
export { wholeDocuments } from "./proofs/whole-documents.mjs";
export { kill } from "./proofs/kill.mjs";
export { kvFaults } from "./proofs/kv-faults.mjs";
export { directory } from "./proofs/directory.mjs";
export { claims } from "./proofs/claims.mjs";
export { imports } from "./proofs/imports.mjs";
export { backups } from "./proofs/backups.mjs";
export { badInput } from "./proofs/bad-input.mjs";
export { budget } from "./proofs/budget.mjs";
export { memory } from "./proofs/memory.mjs";
export { webhooks } from "./proofs/webhooks.mjs";
