// A form that changes a part of one connector. It says what the server would say before it is sent,
// and never overwrites what somebody else has changed meanwhile.

import { useRef, useState } from "preact/hooks";

import { Forbidden } from "./access.jsx";
import { Callout } from "./parts.jsx";
import { usePreview } from "./preview.js";
import { label } from "./status.jsx";

const equal = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * `name`: under which its draft is kept while other sections are looked at. `read(latest)`: the
 * values as they are stored, made from `latest` (see connector.jsx). `check(values)`: what is wrong,
 * by field. `request(values, stored)`: `{ endpoint, body }`. `children({ values, set, problems,
 * field })` draws it; `field(name)` has the attributes that every control needs.
 */
export function ChangeForm({ name, title, intro, action = "Save", read, check = () => ({}), request, children, shared }) {
  const { path, seen, away, barred, change, onForget, drafts } = shared;
  const stored = read(seen);
  const [draft, setDraft] = useState(drafts[name]);
  const [left, setLeft] = useState({});
  const [outcome, setOutcome] = useState();
  const form = useRef();
  const preview = usePreview();

  const keep = (draft) => {
    drafts[name] = draft;
    setDraft(draft);
  };
  const values = draft?.values ?? stored;
  const dirty = Boolean(draft) && !equal(draft.values, draft.base);
  const set = (changes) => {
    keep({ base: draft?.base ?? stored, values: { ...values, ...changes } });
    setOutcome(undefined);
  };

  const own = dirty ? check(values) : {};
  const wrong = Object.keys(own).filter((field) => own[field]);
  const { endpoint, body } = dirty ? request(values, draft.base) : {};
  const foreseen = preview && dirty && wrong.length === 0 ? preview(seen.raw, "PUT", path + endpoint, body) : {};
  const becomes = foreseen.connector?.status;
  const pending = outcome?.state === "pending";
  const disabled = Boolean(barred);

  async function submit(event) {
    event.preventDefault();
    if (wrong.length > 0) {
      setLeft(Object.fromEntries(wrong.map((field) => [field, true])));
      return form.current.elements[wrong[0]]?.focus();
    }
    if (foreseen.reason) return form.current.querySelector("textarea, input:not([type=checkbox]), select")?.focus();
    setOutcome({ state: "pending" });
    try {
      const done = await change({ endpoint, body, about: read, base: draft.base });
      if (done.state !== "overtaken") {
        keep(undefined);
        setLeft({});
      }
      setOutcome(done);
    } catch (error) {
      setOutcome({ state: "refused", error });
    }
  }

  const shown = (field) => (left[field] || values[field] !== stored[field]) && own[field];
  const id = (field) => `${name}-${field}`;
  const field = (field) => ({
    id: id(field),
    name: field,
    disabled: disabled || pending,
    "aria-invalid": Boolean(shown(field)) || undefined,
    "aria-describedby": `${id(field)}-hint`,
    onBlur: () => setLeft((left) => ({ ...left, [field]: true })),
  });
  /** What is wrong with a field, else its hint. */
  const hint = (field, text) => {
    const problem = shown(field);
    return <small id={`${id(field)}-hint`} class={problem ? "problem" : "muted"} role={problem ? "alert" : undefined}>{problem || text}</small>;
  };
  return (
    <form class="card change-form" onSubmit={submit} noValidate ref={form} aria-labelledby={`${name}-title`}>
      <h2 id={`${name}-title`}>{title}</h2>
      {intro && <p class="muted">{intro}</p>}
      <Result {...{ outcome, onForget }} onClose={() => setOutcome(undefined)} onDiscard={() => (keep(undefined), setOutcome(undefined))} />
      {children({ values, set, field, hint, id, disabled: disabled || pending })}
      <div class="save">
        {foreseen.reason && <p class="problem" role="alert">{foreseen.reason}</p>}
        {becomes && becomes !== seen.view.status && <p class="note">This also moves the connector to {label(becomes)}.</p>}
        {draft && !equal(stored, draft.base) && !outcome && <p class="note">Someone has changed this while you were editing.</p>}
        {away && <p class="muted small">You can save once the server is reachable.</p>}
        <div class="buttons">
          <button class="primary" disabled={!dirty || pending || away || disabled} aria-describedby={barred ? "barred" : undefined}>
            {pending ? <><i class="spinner" /> Saving…</> : action}
          </button>
          {dirty && <button type="button" disabled={pending} onClick={() => (keep(undefined), setOutcome(undefined), setLeft({}))}>Discard changes</button>}
        </div>
      </div>
    </form>
  );
}

function Result({ outcome, onForget, onClose, onDiscard }) {
  if (!outcome || outcome.state === "pending") return null;
  const { state, error } = outcome;
  if (state === "updated") return <Callout kind="good" title="Saved." focus onClose={onClose} />;
  if (state === "noop") return <Callout kind="note" title="Nothing has changed." focus onClose={onClose} />;
  if (state === "overtaken") {
    return (
      <Callout kind="warn" title="Someone changed this connector first, so your change wasn't applied." focus onClose={onClose}>
        <p>Your entries are still here. <button type="button" class="link" onClick={onDiscard}>Show what is stored</button></p>
      </Callout>
    );
  }
  if (error.status === 403) return <Forbidden reason={error.message} onForget={onForget} />;
  return <Callout kind="bad" title="It was not saved." focus onClose={onClose}><p>{error.message}</p></Callout>;
}
