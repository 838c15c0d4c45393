// The server's response, predicted by the package. It is loaded when the first form is opened. Without it, only the
// server checks.

import { useEffect, useState } from "preact/hooks";

import { reasonOf } from "../core/reasons.js";

/** @type {typeof import("#connector-status/preview").preview | undefined} */
let ask;

/** `undefined`, and once it is loaded a function; see `foresee`. */
export function usePreview() {
  const [, loaded] = useState(Boolean(ask));
  useEffect(() => {
    if (ask) return;
    import("#connector-status/preview")
      .then(async (module) => {
        await module.load();
        ask = module.preview;
        loaded(true);
      })
      .catch(() => {});
  }, []);
  return ask && foresee;
}

/** The predicted result of a request: `{ reason }` if it would be refused, otherwise `{ connector }`.
 * @param {any} connector
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {{ reason?: string, connector?: any }} */
function foresee(connector, method, path, body) {
  if (!ask) return {};
  try {
    const { status, body: answer, connector: after } = ask(connector, { method, path, body });
    return status < 300 ? { connector: after } : { reason: reasonOf(answer) ?? `HTTP ${status}` };
  } catch {
    // The package can't read this document, but the server may.
    return {};
  }
}
