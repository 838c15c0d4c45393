// The console's frame: the header, the footer and the page in the address.

import { effect } from "@preact/signals";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { fleetHref } from "./core/address.js";
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
import { Toasts } from "./ui/toasts.jsx";
import { Confirm, Run } from "./pages/list/bulk.jsx";
import { Connectors } from "./pages/list/list.jsx";
import { KeyForm } from "./pages/key.jsx";

const Connector = later(() => import("./pages/connector/connector.jsx"));

/** Pages about all connectors, by their names in the address.
 * @type {Record<string, any>} */
const fleetPages = { deleted: later(() => import("./pages/deleted.jsx")) };

function Fleet({ name, ...shared }) {
  const Page = Object.hasOwn(fleetPages, name) && fleetPages[name];
  if (Page) return <Page {...shared} />;
  return (
    <section class="card gate">
      <h1 tabIndex={-1}>Page not found</h1>
      <a class="button" href="#/">Back to all connectors</a>
    </section>
  );
}

const Keys = later(() => import("./ui/keys.jsx"));

const privileges = { monitor_connector: "read only", manage_connector: "read and write" };

function Console() {
  const { page, id, name, query } = route.value;
  const [asking, setAsking] = useState(false);
  // After navigation the focus is on the heading, as after a page load.
  const here = `${page} ${id}${name}`;
  const place = useRef({ here, moved: false });
  if (place.current.here !== here) place.current = { here, moved: true };
  useEffect(() => setAsking(false), [here, visitor.value]);
  const [showsKeys, setShowsKeys] = useState(false);
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const press = ({ key, target, ctrlKey, metaKey, altKey }) => {
      if (key !== "?" || ctrlKey || metaKey || altKey || /** @type {Element} */ (target).closest("dialog, input, textarea, select")) return;
      setShowsKeys(true);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
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
        <Run />
        <Boundary key={`${visitor.value} ${here}`}>
          {asking
            ? <KeyForm onCancel={() => setAsking(false)} />
            : page === "connector"
              ? <Connector id={id} {...shared} />
              : page === "fleet"
                ? <Fleet name={name} {...shared} />
                : <Connectors {...shared} />}
        </Boundary>
      </main>
      <footer class="foot muted small">
        <div class="bottom">
          <span>connector-status {VERSION}</span>
          <a href={fleetHref("deleted")}>Deleted connectors</a>
          <button type="button" class="link" onClick={() => setShowsKeys(true)}>Keyboard shortcuts</button>
          <a href="/openapi.json">API description</a>
        </div>
      </footer>
      <Confirm />
      {showsKeys && <Keys onClose={() => setShowsKeys(false)} />}
      <Toasts />
    </>
  );
}

/** The visitor's identity. Empty while the server asks for a key. */
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
