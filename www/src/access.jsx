// Asking for a key, and saying what a key may not do.

import { useState } from "preact/hooks";

import { key } from "./api.js";
import { Callout, Icon } from "./parts.jsx";

/** Asks for an API key; `onKey` is called when there is one to be tried. */
export function KeyForm({ onKey }) {
  const [refused] = useState(key.get());
  const [problem, setProblem] = useState(refused && "The server did not accept that key. It may be mistyped, expired or revoked.");
  const submit = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("key").trim().replace(/^ApiKey\s+/i, "");
    if (!/^[\x21-\x7e]+$/.test(text)) return setProblem("Paste the encoded key: letters, digits and a few signs, without spaces.");
    // What has a colon is id and secret; encoded, it has none.
    key.set(text.includes(":") ? btoa(text) : text);
    onKey();
  };
  return (
    <section class="card gate">
      <div class="gate-icon"><Icon name="lock" /></div>
      <h1 tabIndex={-1}>This server asks for an API key</h1>
      <p class="muted">It is kept in this tab until the tab is closed, and sent to this server only.</p>
      <form onSubmit={submit}>
        <div class="field">
          <label for="key">API key</label>
          <input id="key" name="key" type="password" autocomplete="off" spellcheck={false} required autofocus
            aria-invalid={Boolean(problem)} aria-describedby={problem ? "key-problem" : undefined} />
        </div>
        {problem && <p class="problem" id="key-problem" role="alert">{problem}</p>}
        <button class="primary wide">Open the console</button>
      </form>
      <p class="muted small">No key yet? Whoever runs this server makes one with <code>npm run key -- create</code>.</p>
    </section>
  );
}

/** The key is good, but not for this. */
export const Forbidden = ({ reason, onForget }) => (
  <Callout kind="bad" icon="lock" title="Your key does not reach this far" role="alert">
    <p>{reason}</p>
    <p class="muted">A key may be limited to looking, or to some connectors. Ask for one that covers this, or{" "}
      <button type="button" class="link" onClick={onForget}>use another key</button>.</p>
  </Callout>
);
