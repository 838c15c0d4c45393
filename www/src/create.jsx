// Creating a connector. What the edge would say to a field, the package says before it is sent.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { pathOf, send } from "./api.js";
import { Callout, Icon } from "./parts.jsx";

const texts = ["name", "index_name", "service_type", "description"];

/** What is sent: fields left empty are left out. */
const bodyOf = (form) => ({
  ...Object.fromEntries(texts.map((name) => [name, form[name].trim()]).filter(([, value]) => value)),
  ...(form.is_native && { is_native: true }),
});

/** An id made of a name. */
const slug = (name) => name.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);

/** The reasons without their frame and numbers. */
const plain = (reason) =>
  reason
    .replace(/^Validation Failed: /, "")
    .replace(/(^|;)\s*\d+: /g, "$1")
    .replace(/;$/, "")
    .replace(/^InvalidIndexNameException\[(.*)\]$/, "$1");

/** What the edge would find wrong with a form, field by field. */
function check(preview, form) {
  const ask = (id, body) => {
    const { status, body: answer } = preview(undefined, { method: "PUT", path: pathOf(id), body });
    return status < 300 ? undefined : plain(answer.error.reason ?? answer.error);
  };
  const problems = {};
  const { is_native } = form;
  for (const [field, value] of Object.entries(bodyOf(form))) {
    problems[field] = ask("x", field === "index_name" ? { index_name: value, is_native } : { [field]: value });
  }
  if (form.id) problems.id = ask(form.id, undefined);
  return problems;
}

export function Create({ onClose }) {
  const dialog = useRef();
  const [form, setForm] = useState({ name: "", id: "", index_name: "", service_type: "", description: "", is_native: false });
  const [ownId, setOwnId] = useState(false);
  const [preview, setPreview] = useState();
  const [left, setLeft] = useState({});
  const [taken, setTaken] = useState();
  const [state, setState] = useState({});

  // At once: who opens it by keyboard types on.
  useLayoutEffect(() => dialog.current.showModal(), []);
  useEffect(() => {
    // Without it the server still checks.
    import("connector-status/preview")
      .then(async (module) => {
        await module.load();
        setPreview(() => module.preview);
      })
      .catch(() => {});
  }, []);

  const problems = preview ? check(preview, form) : {};
  if (taken && taken === form.id) problems.id = `There is a connector [${taken}] already; creating it again would reset it.`;

  const set = (change) => {
    const next = { ...form, ...change };
    setForm(ownId || "id" in change ? next : { ...next, id: slug(next.name) });
    setState({});
  };
  const leave = (name) => setLeft((left) => ({ ...left, [name]: true }));

  async function submit(event) {
    event.preventDefault();
    setLeft({ id: true, ...Object.fromEntries(texts.map((name) => [name, true])) });
    const wrong = Object.keys(problems).find((name) => problems[name]);
    if (wrong) return event.target.elements[wrong].focus();
    setState({ pending: true });
    try {
      if (form.id && (await exists(form.id))) {
        setTaken(form.id);
        setState({});
        return event.target.elements.id.focus();
      }
      const body = bodyOf(form);
      const { body: answer } = await (form.id ? send("PUT", pathOf(form.id), { body }) : send("POST", "/_connector", { body }));
      onClose();
      location.hash = `#/${encodeURIComponent(answer.id)}`;
    } catch (error) {
      setState({ error });
    }
  }

  const field = (name, title, hint, more = {}) => {
    const problem = (left[name] || name === "id") && problems[name];
    return (
      <div class="field">
        <label for={name}>{title}</label>
        <input id={name} name={name} value={form[name]} autocomplete="off" spellcheck={false} {...more}
          aria-invalid={Boolean(problem)} aria-describedby={`hint-${name}`}
          onInput={(event) => {
            if (name === "id") setOwnId(event.target.value !== "");
            set({ [name]: event.target.value });
          }}
          onBlur={() => leave(name)} />
        <small id={`hint-${name}`} class={problem ? "problem" : "muted"} role={problem ? "alert" : undefined}>{problem || hint}</small>
      </div>
    );
  };

  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="create-title">
      <form onSubmit={submit} noValidate>
        <header>
          <h2 id="create-title">New connector</h2>
          <button type="button" class="quiet icon-only" aria-label="Close" onClick={() => dialog.current.close()}><Icon name="close" /></button>
        </header>
        <div class="fields">
          {field("name", "Name", "For people. You can leave it empty.", { autofocus: true, placeholder: "My connector" })}
          {field("id", "Id", "For programs. Left empty, one is made.", { placeholder: "my-connector" })}
          {field("index_name", "Index", "Where its content goes. It can be attached later.", { placeholder: "search-my-content" })}
          {field("service_type", "Type", "Which kind of system it reads.", { placeholder: "google_drive", list: "service-types" })}
          {field("description", "Description", "What it is for.")}
          <label class="check">
            <input type="checkbox" name="is_native" checked={form.is_native} onChange={(event) => set({ is_native: event.target.checked })} />
            <span>Managed by Elastic<small class="muted">Starts one step further; its index begins with <code>content-</code></small></span>
          </label>
        </div>
        {state.error && (
          <Callout kind="bad" title="It was not created." role="alert"><p>{plain(state.error.message)}</p></Callout>
        )}
        <footer>
          <button type="button" onClick={() => dialog.current.close()}>Cancel</button>
          <button class="primary" disabled={state.pending}>{state.pending ? <><i class="spinner" /> Creating…</> : "Create connector"}</button>
        </footer>
      </form>
    </dialog>
  );
}

/** Is the id in use? To create a connector again is to reset it, and nobody means that here. */
const exists = (id) =>
  send("GET", `${pathOf(id)}?filter_path=id`).then(
    () => true,
    (error) => {
      if (error.status === 404) return false;
      throw error;
    },
  );
