// The check without WebAssembly: the table as the build read it out of the Rust core.

import { next, sentence, statuses } from "rules";

export function check(from, to) {
  const [row, column] = [statuses.indexOf(from), statuses.indexOf(to)];
  return row < 0 || column < 0 ? undefined : next[row].includes(to);
}

export const explain = sentence;
