// A form that changes a part of one connector. It predicts the server's response, keeps unsaved input, and never
// overwrites someone else's change.

import { useMemo, useRef, useState } from "preact/hooks";

import { equal } from "../core/writes.js";
import { label } from "../core/statuses.js";
import { draftOf, keepDraft } from "../stores/drafts.js";
import { usePreview } from "../stores/preview.js";
import { outcomeOf } from "../stores/writes.js";
import { Hint } from "./field.jsx";
import { Outcome } from "./outcome.jsx";

/** @type {(values: any) => Record<string, any>} */
const none = () => ({});

/**
 * `name`: what its draft and its outcome are kept under. `read(latest)`: the values as they are stored. `guard(latest)`:
 * stored values that the form does not show and must not overwrite unseen, by field. `check(values)`: what is wrong,
 * by field. `request(values, stored)`: `{ endpoint, body }`. `children({ values, set, field, hint, disabled })` draws
 * it; `field(name)` has the attributes that every control needs.
 * @param {{ name: string, title: string, intro?: string, action?: string, read: (latest: any) => Record<string, any>,
 *   guard?: (latest: any) => Record<string, any>, check?: (values: any) => Record<string, string | undefined>,
 *   request: (values: any, stored: any) => { endpoint: string, body: unknown }, children: (form: any) => any, shared: any }} props
 */
export function ChangeForm({ name, title, intro, action = "Save", read, guard = none, check = none, request, children, shared }) {
  const { store, away, barred } = shared;
  const seen = store.seen.value;
  const key = `${store.id} ${name}`;
  const outcome = outcomeOf(key);
  const draft = draftOf(key);
  const [left, setLeft] = useState(/** @type {any} */ ({}));
  const form = useRef(/** @type {any} */ (null));
  const preview = usePreview();

  const stored = useMemo(() => read(seen), [seen]);
  const hidden = useMemo(() => guard(seen), [seen]);
  const values = draft?.values ?? stored;
  const dirty = Boolean(draft) && !equal(draft.values, draft.base);
  const keep = (draft) => keepDraft(key, draft && !equal(draft.values, draft.base) ? draft : undefined, Object.keys(hidden));
  const set = (changes) => {
    keep({ base: stored, guard: hidden, ...(dirty ? draft : undefined), values: { ...values, ...changes } });
    clear();
  };
  const clear = () => (outcome.value = undefined);
  const discard = () => {
    keep(undefined);
    clear();
    setLeft({});
  };

  const own = useMemo(() => (dirty ? check(values) : {}), [dirty, values, seen, preview]);
  const wrong = Object.keys(own).filter((field) => own[field]);
  const { endpoint, body } = dirty ? request(values, draft.base) : {};
  const foreseen = useMemo(
    () => (preview && dirty && wrong.length === 0 ? preview(seen.raw, "PUT", store.path + endpoint, body) : {}),
    [preview, dirty, draft, seen, wrong.length],
  );
  const becomes = foreseen.connector?.status;
  const pending = outcome.value?.state === "pending";
  const disabled = Boolean(barred);
  /** Fields that someone else has changed since the draft began. */
  const theirs = draft
    ? Object.keys(values).filter((field) => !equal(stored[field], draft.base[field]) || (draft.guard && field in hidden && !equal(hidden[field], draft.guard[field])))
    : [];

  async function submit(event) {
    event.preventDefault();
    if (wrong.length > 0) {
      setLeft(Object.fromEntries(wrong.map((field) => [field, true])));
      return form.current.elements[wrong[0]]?.focus();
    }
    if (foreseen.reason) return form.current.querySelector("textarea, input:not([type=checkbox]), select")?.focus();
    const wanted = draft.values;
    const { state } = await store.change({
      endpoint,
      body,
      name: key,
      about: (latest) => [read(latest), draft.guard && guard(latest)],
      base: [draft.base, draft.guard],
      isDone: (latest) => {
        const [now, secrets] = [read(latest), guard(latest)];
        return Object.keys(wanted).every((field) => equal(wanted[field], draft.base[field]) || equal(field in secrets ? secrets[field] : now[field], wanted[field]));
      },
    });
    if (state === "updated" || state === "noop") {
      keep(undefined);
      setLeft({});
    }
  }

  /** Keeps my value: the next save replaces theirs. */
  const keepMine = (field) => keep({ ...draft, base: { ...draft.base, [field]: stored[field] }, guard: draft.guard && { ...draft.guard, ...(field in hidden && { [field]: hidden[field] }) } });
  const takeTheirs = (field) => {
    const base = { ...draft.base, [field]: stored[field] };
    keep({ ...draft, base, guard: draft.guard && { ...draft.guard, ...(field in hidden && { [field]: hidden[field] }) }, values: { ...values, [field]: stored[field] } });
  };

  const problemOf = (field) => (left[field] || !equal(values[field], stored[field])) && own[field];
  const id = (field) => `${name}-${field}`;
  const field = (field) => ({
    id: id(field),
    name: field,
    disabled: disabled || pending,
    "aria-invalid": Boolean(problemOf(field)) || undefined,
    "aria-describedby": `${id(field)}-hint`,
    onBlur: () => setLeft((left) => ({ ...left, [field]: true })),
  });
  const hint = (field, text) => (
    <>
      <Hint id={id(field)} hint={text} problem={problemOf(field)} />
      {theirs.includes(field) && (
        <Theirs value={field in hidden ? undefined : stored[field]} isMine={!equal(values[field], stored[field]) || field in hidden}
          disabled={disabled || pending} onTake={() => takeTheirs(field)} onKeep={() => keepMine(field)} />
      )}
    </>
  );
  const says = {
    updated: "Saved.",
    refused: "Couldn't save.",
    more: <p>Your changes are still here. <button type="button" class="link" onClick={discard}>Discard mine and load the saved version</button></p>,
  };
  return (
    <form class="card change-form" onSubmit={submit} noValidate ref={form} aria-labelledby={`${name}-title`}>
      <h2 id={`${name}-title`}>{title}</h2>
      {intro && <p class="muted">{intro}</p>}
      <Outcome outcome={outcome.value} says={says} onClose={clear} />
      {children({ values, set, field, hint, id, disabled: disabled || pending })}
      <div class="save">
        {foreseen.reason && <p class="problem" role="alert">{foreseen.reason}</p>}
        {becomes && becomes !== seen.view.status && <p class="note">This also moves the connector to {label(becomes)}.</p>}
        {theirs.length > 0 && !outcome.value && <p class="note">Someone has changed this while you were editing.</p>}
        {away && <p class="muted small">You can save once the server is reachable.</p>}
        <div class="buttons">
          <button class="primary" disabled={!dirty || pending || away || disabled} aria-describedby={barred ? "barred" : undefined}>
            {pending ? <><i class="spinner" /> Saving…</> : action}
          </button>
          {dirty && <button type="button" disabled={pending} onClick={discard}>Discard changes</button>}
        </div>
      </div>
    </form>
  );
}

/** Someone else's value of a field, beside mine. */
const Theirs = ({ value, isMine, disabled, onTake, onKeep }) => (
  <p class="theirs small">
    {value === undefined
      ? "Someone else changed the saved value."
      : <>Changed by someone else to <strong>{typeof value === "boolean" ? (value ? "on" : "off") : value === "" ? "an empty value" : typeof value === "object" ? "another value" : String(value)}</strong>.</>}
    {" "}
    {isMine && <button type="button" class="link" disabled={disabled} onClick={onKeep}>Keep mine</button>}
    {isMine && " · "}
    <button type="button" class="link" disabled={disabled} onClick={onTake}>{isMine ? "Take theirs" : "OK"}</button>
  </p>
);
