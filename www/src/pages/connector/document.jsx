// The document as JSON. Sensitive values are hidden until the user shows them.

import { useEffect, useMemo, useState } from "preact/hooks";

import { Copy } from "../../ui/parts.jsx";

const HIDDEN = "••••••••";

/** Keeps the digits of numbers, if the browser can. */
const parse = (text) =>
  JSON.parse(text, (_, value, context) =>
    typeof value === "number" && JSON.rawJSON && context?.source && context.source !== String(value) ? JSON.rawJSON(context.source) : value);

/** The document without the values of sensitive fields, and how many there are. */
function withoutSecrets(document) {
  let hidden = 0;
  const configuration = document.configuration;
  if (typeof configuration !== "object" || configuration === null) return { hidden, document };
  const entries = Object.entries(configuration).map(([name, field]) => {
    if (!field?.sensitive || field.value === undefined || field.value === null || field.value === "") return [name, field];
    hidden += 1;
    return [name, { ...field, value: HIDDEN }];
  });
  return { hidden, document: { ...document, configuration: Object.fromEntries(entries) } };
}

export default function Document({ store, seen, refresh }) {
  const [shown, setShown] = useState(false);
  // Heartbeat events don't include the document, so it is loaded.
  const isOld = store.isTextOld.value;
  useEffect(() => {
    if (isOld) refresh();
  }, [isOld]);
  const { all, hidden, document } = useMemo(() => {
    const all = parse(seen.text);
    return { all, ...withoutSecrets(all) };
  }, [seen.text]);
  const json = useMemo(() => JSON.stringify(shown ? all : document, null, 2), [all, shown]);
  return (
    <section class="card" aria-labelledby="document">
      <div class="section-head">
        <h2 id="document">Document</h2>
        <div class="buttons">
          {hidden > 0 && (
            <button type="button" class="quiet" aria-pressed={shown} onClick={() => setShown(!shown)}>
              {shown ? "Hide sensitive values" : `Show ${hidden === 1 ? "the sensitive value" : `${hidden} sensitive values`}`}
            </button>
          )}
          <Copy text={json} what="the document">Copy</Copy>
        </div>
      </div>
      <pre class="json" tabIndex={0} aria-label="Document as JSON">{json}</pre>
    </section>
  );
}
