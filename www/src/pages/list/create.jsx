// The dialog that creates a connector. The package checks each field before anything is sent.

import { useState } from "preact/hooks";

import { href, pathOf } from "../../core/address.js";
import { createConnector } from "../../stores/create.js";
import { barredFrom } from "../../stores/identity.js";
import { usePreview } from "../../stores/preview.js";
import { go } from "../../stores/route.js";
import { Callout } from "../../ui/callout.jsx";
import { Dialog } from "../../ui/dialog.jsx";
import { Field } from "../../ui/field.jsx";
import { ServiceTypes } from "../../ui/service-types.jsx";

const texts = ["name", "index_name", "service_type", "description"];

/** The request body, without empty fields. */
const bodyOf = (form) => ({
  ...Object.fromEntries(texts.map((name) => [name, form[name].trim()]).filter(([, value]) => value)),
  ...(form.is_native && { is_native: true }),
});

/** An id made of a name. */
const slug = (name) => name.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);

/** The problems that the server would find, by field. */
function check(preview, form) {
  const ask = (id, body) => preview(undefined, "PUT", pathOf(id), body).reason;
  const problems = {};
  const { is_native } = form;
  for (const [field, value] of Object.entries(bodyOf(form))) {
    problems[field] = ask("x", field === "index_name" ? { index_name: value, is_native } : { [field]: value });
  }
  if (form.id) problems.id = ask(form.id, undefined);
  return problems;
}

/** The field that a refusal is about, if any. */
const fieldOf = ({ status, message }) => (status === 412 || status === 409 ? "id" : /index name/i.test(message) ? "index_name" : undefined);

export function Create({ types, onClose }) {
  const [form, setForm] = useState({ name: "", id: "", index_name: "", service_type: "", description: "", is_native: false });
  const [ownId, setOwnId] = useState(false);
  const [left, setLeft] = useState(/** @type {any} */ ({}));
  const [refused, setRefused] = useState(/** @type {any} */ ({}));
  const [state, setState] = useState(/** @type {any} */ ({}));
  const preview = usePreview();
  const barred = barredFrom(form.id || undefined);

  const problems = preview ? check(preview, form) : {};
  if (barred && form.id) problems.id ??= barred;
  // A refusal stays with the value that was refused.
  if (refused.field && form[refused.field] === refused.value) problems[refused.field] = refused.reason;

  const set = (change) => {
    const next = { ...form, ...change };
    setForm(ownId || "id" in change ? next : { ...next, id: slug(next.name) });
    setState({});
  };
  const leave = (name) => setLeft((left) => ({ ...left, [name]: true }));

  async function submit(event) {
    const { elements } = /** @type {any} */ (event.target);
    setLeft({ id: true, ...Object.fromEntries(texts.map((name) => [name, true])) });
    const wrong = Object.keys(problems).find((name) => problems[name]);
    if (wrong) return elements[wrong].focus();
    setState({ pending: true });
    const { state, answer, latest, error } = await createConnector(form.id, bodyOf(form));
    if (state === "updated") {
      onClose();
      return go(href(answer?.id ?? latest.id));
    }
    if (state === "unknown") return setState({ error: `${error?.message} We can't tell whether it was created: look for it in the list.` });
    const field = state === "overtaken" ? "id" : fieldOf(/** @type {any} */ (error));
    const reason = field === "id" ? `The connector [${form.id}] exists already. Creating it again would reset it.` : error?.message;
    setState({ error: reason });
    if (!field) return undefined;
    setRefused({ field, value: form[field], reason });
    return elements[field].focus();
  }

  const field = (name, title, hint, more = {}) => {
    const problem = (left[name] || name === "id") && problems[name];
    return (
      <Field id={name} label={title} hint={hint} problem={problem}>
        <input id={name} name={name} value={form[name]} autocomplete="off" spellcheck={false} {...more}
          aria-invalid={Boolean(problem)} aria-describedby={`${name}-hint`}
          onInput={(event) => {
            if (name === "id") setOwnId(event.currentTarget.value !== "");
            set({ [name]: event.currentTarget.value });
          }}
          onBlur={() => leave(name)} />
      </Field>
    );
  };

  return (
    <Dialog id="create-title" title="New connector" onSubmit={submit} onClose={onClose}
      problem={state.error && <Callout kind="bad" title="Couldn't create the connector." role="alert"><p>{state.error}</p></Callout>}
      actions={<button class="primary" disabled={state.pending}>{state.pending ? <><i class="spinner" /> Creating…</> : "Create connector"}</button>}>
      {field("name", "Name", "Shown in lists. You can leave it blank.", { autofocus: true, placeholder: "My connector" })}
      {field("id", "Id", "Used in API calls. Leave blank to generate one.", { placeholder: "my-connector" })}
      {field("index_name", "Index", "Where its documents go. You can attach one later.", { placeholder: "search-my-content" })}
      {field("service_type", "Type", "The system it reads from.", { placeholder: "google_drive", list: "service-types" })}
      {field("description", "Description", "What the connector is for.")}
      <label class="check">
        <input type="checkbox" name="is_native" checked={form.is_native} onChange={(event) => set({ is_native: event.currentTarget.checked })} />
        <span>Managed by Elastic<small class="muted">Skips the first step. Index names must start with <code>content-</code>.</small></span>
      </label>
      <ServiceTypes more={types} />
    </Dialog>
  );
}
