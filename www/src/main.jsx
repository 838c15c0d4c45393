// The console: which page is shown, and what all pages share.

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { Identity, KeyForm, limitsOf, useIdentity } from "./access.jsx";
import { key } from "./api.js";
import { Connector } from "./connector.jsx";
import { Connectors } from "./connectors.jsx";
import { Icon } from "./parts.jsx";
import { useRoute } from "./route.js";
import { theme } from "./theme.js";

const privileges = { monitor_connector: "read only", manage_connector: "read and write" };

function Console() {
  const { id, query } = useRoute();
  // Another key is another visitor: everything is asked for anew.
  const [visitor, setVisitor] = useState(0);
  const [asking, setAsking] = useState(false);
  const identity = useIdentity(visitor);
  // Who comes from another page starts at the heading, as after a page load.
  const place = useRef({ id, moved: false });
  if (place.current.id !== id) place.current = { id, moved: true };
  useEffect(() => setAsking(false), [id]);
  const onKey = () => {
    setAsking(false);
    setVisitor((visitor) => visitor + 1);
  };
  const onForget = () => {
    key.forget();
    onKey();
  };
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("h1")?.focus();
  };
  const shared = { query, moved: place.current.moved, onKey, onForget };
  return (
    <Identity.Provider value={identity}>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <header class="top">
        <div class="bar">
          <a class="brand" href="#/" aria-label="Connector status">
            <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
              <rect width="32" height="32" rx="9" />
              <path d="M9 16h14" />
              <circle cx="9" cy="16" r="4" />
              <circle class="hollow" cx="23" cy="16" r="4" />
            </svg>
            <span>Connector status</span>
          </a>
          <Account {...{ identity, onForget }} onAsk={() => setAsking(true)} />
          <Theme />
        </div>
      </header>
      <main id="main">
        {asking
          ? <KeyForm onKey={onKey} onCancel={() => setAsking(false)} />
          : id
            ? <Connector key={`${visitor} ${id}`} id={id} {...shared} />
            : <Connectors key={visitor} visitor={visitor} {...shared} />}
      </main>
      <footer class="foot muted small">
        <div class="bottom">
          <span>connector-status {VERSION}</span>
          <a href="/openapi.json">API description</a>
        </div>
      </footer>
    </Identity.Provider>
  );
}

/** Who the visitor is. Nothing while the server asks for a key. */
function Account({ identity, onAsk, onForget }) {
  if (!identity) return <span class="account" />;
  const { name, isPerson, privilege } = identity;
  const limits = limitsOf(identity)?.join(", ");
  return (
    <div class="account">
      <span class="who-am-i small" title={limits && `Only ${limits}`}>
        <span class="clip">{name ?? "No key"}</span>
        <span class="muted small">{[privileges[privilege] ?? privilege, limits && "some connectors"].filter(Boolean).join(", ")}</span>
      </span>
      {key.get()
        ? <button type="button" class="quiet" onClick={onForget} aria-label="Forget key"><Icon name="key" /> <span>Forget key</span></button>
        : !isPerson && <button type="button" class="quiet" onClick={onAsk} aria-label="Use a key"><Icon name="key" /> <span>Use a key</span></button>}
    </div>
  );
}

function Theme() {
  const [chosen, setChosen] = useState(theme.get);
  const next = theme.next(chosen);
  const change = () => {
    theme.set(next);
    setChosen(next);
  };
  return (
    <button type="button" class="quiet icon-only" onClick={change} title={`Theme: ${chosen}. Switch to ${next}.`}
      aria-label={`Theme: ${chosen}. Switch to ${next}.`}>
      <Icon name={chosen} />
    </button>
  );
}

theme.apply();
render(<Console />, document.body);
