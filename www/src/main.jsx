// The console: which page is shown, and what all pages share.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

import { key } from "./api.js";
import { Connector } from "./connector.jsx";
import { Connectors } from "./connectors.jsx";
import { Icon } from "./parts.jsx";

/** The id of the connector that the address names; nothing on the list. */
function place() {
  try {
    return decodeURIComponent(location.hash.match(/^#\/(.+)$/)?.[1] ?? "");
  } catch {
    return "";
  }
}

function Console() {
  const [id, setId] = useState(place);
  // Another key is another visitor: everything is asked for anew.
  const [visitor, setVisitor] = useState(0);
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    const go = () => {
      setId(place());
      setMoved(true);
      scrollTo(0, 0);
    };
    addEventListener("hashchange", go);
    return () => removeEventListener("hashchange", go);
  }, []);
  const onKey = () => setVisitor((visitor) => visitor + 1);
  const onForget = () => {
    key.forget();
    onKey();
  };
  const skip = (event) => {
    event.preventDefault();
    document.querySelector("h1")?.focus();
  };
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>Skip to the content</a>
      <header class="top">
        <div class="bar">
          <a class="brand" href="#/">
            <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
              <rect width="32" height="32" rx="9" />
              <path d="M9 16h14" />
              <circle cx="9" cy="16" r="4" />
              <circle class="hollow" cx="23" cy="16" r="4" />
            </svg>
            Connector status
          </a>
          {key.get() && (
            <button type="button" class="quiet" onClick={onForget}>
              <Icon name="key" /> Forget the key
            </button>
          )}
        </div>
      </header>
      <main id="main">
        {id
          ? <Connector key={`${visitor} ${id}`} id={id} moved={moved} onKey={onKey} onForget={onForget} />
          : <Connectors key={visitor} moved={moved} visitor={visitor} onKey={onKey} onForget={onForget} />}
      </main>
    </>
  );
}

render(<Console />, document.body);
