// Checked by TypeScript, not part of the package: each entry point exports what its declarations say, no more and no
// less, with the declared types.

import * as client from "./client.js";
import * as check from "./check.js";
import * as preview from "./preview.js";
import * as react from "./react.js";
import * as slim from "./slim.js";
import * as store from "./store.js";
import * as syncJobs from "./sync-jobs.js";
import type * as Client from "./types/client.js";
import type * as Check from "./types/index.js";
import type * as Js from "./types/js.js";
import type * as Preview from "./types/preview.js";
import type * as React from "./types/react.js";
import type * as Slim from "./types/slim.js";
import type * as Store from "./types/store.js";
import type * as SyncJobs from "./types/sync-jobs.js";

/** Classes are declared with private constructors, so callers can't make them: their instances are compared. */
type Shape<Exports> = {
  [Name in keyof Exports]: Exports[Name] extends { prototype: infer Instance extends Error } ? Omit<Instance, "name"> : Exports[Name];
};

/** `Built`, if it satisfies `Declared` and exports nothing else. */
type Satisfies<Built extends Shape<Declared>, Declared> = keyof Shape<Built> extends keyof Declared ? true : { undeclared: Exclude<keyof Built, keyof Declared> };

export const conforms: [
  Satisfies<Shape<typeof client>, typeof Client>,
  Satisfies<Shape<typeof check>, typeof Check>,
  Satisfies<Shape<typeof check>, typeof Js>,
  Satisfies<Shape<typeof preview>, typeof Preview>,
  Satisfies<Shape<typeof react>, typeof React>,
  Satisfies<Shape<typeof slim>, typeof Slim>,
  Satisfies<Shape<typeof store>, typeof Store>,
  Satisfies<Shape<typeof syncJobs>, typeof SyncJobs>,
] = [true, true, true, true, true, true, true, true];
