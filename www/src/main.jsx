// The console: which page is shown, and what all pages share.

import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { key } from "./stores/api.js";
import { forgetConnectors } from "./stores/connector.js";
import { hasDrafts } from "./stores/drafts.js";
import { forgetKey, identity, limits, visitor } from "./stores/identity.js";
import { route } from "./stores/route.js";
import { theme } from "./stores/theme.js";
import { inFlight } from "./stores/writes.js";
import { Boundary } from "./ui/boundary.jsx";
import { Icon } from "./ui/icons.jsx";
import { later } from "./ui/later.jsx";
import { Connectors } from "./pages/list/list.jsx";
import { KeyForm } from "./pages/key.jsx";

const Connector = later(() => import("./pages/connector/connector.jsx"));

const privileges = { monitor_connector: "read only", manage_connector: "read and write" };

function Console() {
  const { page, id, query } = route.value;
  const [asking, setAsking] = useState(false);
  // Who comes from another page starts at the heading, as after a page load.
  const place = useRef({ id, moved: false });
  if (place.current.id !== id) place.current = { id, moved: true };
  useEffect(() => setAsking(false), [id, visitor.value]);
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("h1")?.focus();
  };
  const shared = { query, moved: place.current.moved };
  return (
    <>
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
          <Account onAsk={() => setAsking(true)} />
          <Theme />
        </div>
      </header>
      <main id="main">
        <Boundary key={`${visitor.value} ${page} ${id}`}>
          {asking
            ? <KeyForm onCancel={() => setAsking(false)} />
            : page === "connector"
              ? <Connector id={id} {...shared} />
              : <Connectors {...shared} />}
        </Boundary>
      </main>
      <footer class="foot muted small">
        <div class="bottom">
          <span>connector-status {VERSION}</span>
          <a href="/openapi.json">API description</a>
        </div>
      </footer>
    </>
  );
}

/** Who the visitor is. Nothing while the server asks for a key. */
function Account({ onAsk }) {
  if (!identity.value) return <span class="account" />;
  const { name, isPerson, privilege = "" } = identity.value;
  const only = limits.value?.join(", ");
  return (
    <div class="account">
      <span class="who-am-i small" title={only && `Only ${only}`}>
        <span class="clip">{name ?? "No key"}</span>
        <span class="muted small">{[privileges[privilege] ?? privilege, only && "some connectors"].filter(Boolean).join(", ")}</span>
      </span>
      {key.get()
        ? <button type="button" class="quiet" onClick={forgetKey} aria-label="Forget key"><Icon name="key" /> <span>Forget key</span></button>
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
effect(() => {
  visitor.value;
  forgetConnectors();
});
addEventListener("beforeunload", (event) => {
  if (inFlight.peek() > 0 || hasDrafts()) event.preventDefault();
});
render(<Console />, document.body);
