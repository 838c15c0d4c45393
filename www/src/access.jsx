// Who the visitor is, what that allows, and asking for a key.

import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";

import { key, send } from "./api.js";
import { Callout, Icon } from "./parts.jsx";

/** Who asks, as far as it is known; see `useIdentity`. */
export const Identity = createContext(undefined);

/**
 * Asks the server who the visitor is: `{ name, isPerson, privilege, connectors }`, anew for each `visitor`. A
 * person has signed in without a key. Undefined while nobody knows; then everything is offered and the server decides.
 */
export function useIdentity(visitor) {
  const [identity, setIdentity] = useState();
  useEffect(() => {
    const stop = new AbortController();
    setIdentity(undefined);
    send("GET", "/_security/_authenticate", { signal: stop.signal }).then(
      ({ body }) => setIdentity(readIdentity(body)),
      ({ status }) => status !== 401 && key.get() && setIdentity({ name: idOfKey() }),
    );
    return () => stop.abort();
  }, [visitor]);
  return identity;
}

function readIdentity({ api_key, email, username, authentication_type, privilege, connectors }) {
  const person = authentication_type === "anonymous" ? undefined : (email ?? username);
  return { name: api_key?.name ?? api_key?.id ?? person, isPerson: !api_key && Boolean(person), privilege, connectors };
}

/** The patterns that somebody is limited to; undefined if they are not. */
export const limitsOf = (identity) => (identity?.connectors?.length && !identity.connectors.includes("*") ? identity.connectors : undefined);

/** The id of the key, which is readable in it. */
function idOfKey() {
  try {
    return atob(key.get()).split(":")[0];
  } catch {
    return "API key";
  }
}

/** Do the key's patterns name this id? `*` is any text, `?` one character. */
function covers(pattern, id) {
  const escaped = pattern.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "su").test(id);
}

/** Why the visitor may not change the connector `id`, or create any; undefined if nothing is known against it. */
export function useBarred(id) {
  const identity = useContext(Identity);
  if (!identity?.privilege) return undefined;
  const { name, isPerson, privilege, connectors } = identity;
  const who = isPerson ? `${name}, as whom you are signed in,` : `Your key “${name}”`;
  if (privilege !== "manage_connector") return name ? `${who} can only read.` : "Without a key you can only read.";
  if (id !== undefined && connectors?.length && !connectors.some((pattern) => covers(pattern, id))) {
    return isPerson ? `${who} may only change ${connectors.join(", ")}.` : `${who} only covers ${connectors.join(", ")}.`;
  }
  return undefined;
}

/** Says once why all controls of a page are disabled. */
export const Barred = ({ why }) => why && <p class="barred" id="barred"><Icon name="lock" /> {why}</p>;

const REFUSED = "The server did not accept that key. It may be mistyped, expired or revoked.";

/**
 * Asks for an API key, and keeps it once the server has accepted it. `onKey` is called when the console should start
 * over with the key that is kept, or without one.
 */
export function KeyForm({ onKey, onCancel }) {
  const refused = !onCancel && Boolean(key.get());
  const [problem, setProblem] = useState(refused && REFUSED);
  const [pending, setPending] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const { elements } = event.target;
    const text = elements.key.value.trim().replace(/^ApiKey\s+/i, "");
    const reject = (problem) => {
      setProblem(problem);
      elements.key.focus();
    };
    if (!/^[\x21-\x7e]+$/.test(text)) return reject("Paste the encoded key: letters, digits and a few signs, without spaces.");
    // What has a colon is id and secret; encoded, it has none.
    const apiKey = text.includes(":") ? btoa(text) : text;
    const remember = elements.remember.checked;
    setPending(true);
    try {
      await send("GET", "/_security/_authenticate", { apiKey });
    } catch ({ status, message }) {
      setPending(false);
      if (status === 401) return reject(REFUSED);
      if (status === undefined) return reject(`${message} The key could not be checked. Try again.`);
    }
    key.set(apiKey, remember);
    onKey();
  };
  const goOn = () => {
    key.forget();
    onKey();
  };
  return (
    <section class="card gate">
      <div class="gate-icon"><Icon name="lock" /></div>
      <h1 tabIndex={-1}>{onCancel ? "Use an API key" : refused ? "Your API key was not accepted" : "This server asks for an API key"}</h1>
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
        {refused && <button type="button" class="wide" onClick={goOn}>Continue without a key</button>}
        {onCancel && <button type="button" class="wide" onClick={onCancel}>Cancel</button>}
      </form>
      <p class="muted small">No key yet? Whoever runs this server creates one with <code>npm run key -- create</code>.</p>
    </section>
  );
}

/** The key is good, but not for this. */
export const Forbidden = ({ reason, onForget }) => (
  <Callout kind="bad" icon="lock" title="This key can't do that" role="alert" focus>
    <p>{reason}</p>
    <p class="muted">A key may be limited to reading, or to some connectors. Ask for one that covers this, or{" "}
      <button type="button" class="link" onClick={onForget}>use another key</button>.</p>
  </Callout>
);
