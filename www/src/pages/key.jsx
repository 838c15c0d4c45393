// The form for an API key.

import { useState } from "preact/hooks";

import { Away } from "../core/reasons.js";
import { key, send } from "../stores/api.js";
import { enterKey, forgetKey } from "../stores/identity.js";
import { Icon } from "../ui/icons.jsx";

const REFUSED = "The server rejected this key. It may be mistyped, expired or revoked.";

/** Asks for an API key, and keeps it once the server has accepted it. `onCancel`: it was not the server that asked.
 * @param {{ onCancel?: () => void }} props */
export function KeyForm({ onCancel }) {
  const refused = !onCancel && Boolean(key.get());
  const [problem, setProblem] = useState(refused ? REFUSED : "");
  const [pending, setPending] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const { elements } = event.target;
    const text = elements.key.value.trim().replace(/^ApiKey\s+/i, "");
    const reject = (problem) => {
      setProblem(problem);
      elements.key.focus();
    };
    if (!/^[\x21-\x7e]+$/.test(text)) return reject("Paste the encoded key. It contains no spaces.");
    // `id:secret` isn't encoded yet.
    const apiKey = text.includes(":") ? btoa(text) : text;
    const remember = elements.remember.checked;
    setPending(true);
    try {
      await send("GET", "/_security/_authenticate", { apiKey });
    } catch (caught) {
      const error = /** @type {Error & { status?: number }} */ (caught);
      setPending(false);
      if (error.status === 401) return reject(REFUSED);
      if (error instanceof Away) return reject(`${error.message} The key couldn't be checked. Try again.`);
    }
    enterKey(apiKey, remember);
  };
  return (
    <section class="card gate">
      <div class="gate-icon"><Icon name="lock" /></div>
      <h1 tabIndex={-1}>{onCancel ? "Use an API key" : refused ? "Your API key was rejected" : "Enter an API key"}</h1>
      <form onSubmit={submit} noValidate>
        <div class="field">
          <label for="key">API key</label>
          <input id="key" name="key" type="password" autocomplete="off" spellcheck={false} required autofocus
            aria-invalid={Boolean(problem)} aria-describedby={problem ? "key-problem" : undefined} />
        </div>
        {problem && <p class="problem" id="key-problem" role="alert">{problem}</p>}
        <label class="check">
          <input type="checkbox" name="remember" />
          <span>Remember on this device<small class="muted">Otherwise the key is kept until this tab is closed. It is sent to this server only.</small></span>
        </label>
        <button class="primary wide" disabled={pending}>Open the console</button>
        {refused && <button type="button" class="wide" onClick={forgetKey}>Continue without a key</button>}
        {onCancel && <button type="button" class="wide" onClick={onCancel}>Cancel</button>}
      </form>
      <p class="muted small">No key yet? Create one on the server with <code>npm run key -- create</code>.</p>
    </section>
  );
}
