// The outcome of a write, shown in the same way everywhere.

import { forgetKey } from "../stores/identity.js";
import { Callout } from "./callout.jsx";

/** The key is valid, but lacks a permission.
 * @param {{ reason: string }} props */
export const Forbidden = ({ reason }) => (
  <Callout kind="bad" icon="lock" title="This key can't do that" role="alert" focus>
    <p>{reason}</p>
    <p class="muted">A key may be limited to reading, or to some connectors. Ask for one that covers this, or{" "}
      <button type="button" class="link" onClick={forgetKey}>use another key</button>.</p>
  </Callout>
);

/**
 * The sentences for each state; `refused` is the title above the server's reason.
 * @typedef {{ updated: string, noop?: string, overtaken?: string, refused: string, more?: any }} Sentences
 *   `more`: goes below the title when somebody else was first
 */

/**
 * @param {{ outcome: import("../stores/writes.js").Shown | undefined, says: Sentences, onClose: () => void }} props
 */
export function Outcome({ outcome, says, onClose }) {
  if (!outcome || outcome.state === "pending") return null;
  const { state, error } = outcome;
  if (state === "updated") return <Callout kind="good" title={says.updated} focus onClose={onClose} />;
  if (state === "noop") return <Callout kind="note" title={says.noop ?? "Nothing changed."} focus onClose={onClose} />;
  if (state === "overtaken") {
    return (
      <Callout kind="warn" title={says.overtaken ?? "Someone changed this connector first, so your change wasn't applied."} focus onClose={onClose}>
        {says.more}
      </Callout>
    );
  }
  if (state === "unknown") {
    return (
      <Callout kind="warn" title="We can't tell whether your change was applied." focus onClose={onClose}>
        <p>{error?.message} {outcome.latest ? "Something else has changed since. Compare the saved version with your change." : "Reload the page to see the saved version."}</p>
      </Callout>
    );
  }
  const status = /** @type {{ status?: number } | undefined} */ (error)?.status;
  if (status === 403) return <Forbidden reason={error?.message ?? ""} />;
  return <Callout kind="bad" title={says.refused} focus onClose={onClose}><p>{error?.message}</p></Callout>;
}
