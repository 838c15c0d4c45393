// A connector's name, index, pipeline, type, features and API key, and deleting it.

import { useState } from "preact/hooks";

import { listAddress } from "../../stores/list.js";
import { go } from "../../stores/route.js";
import { undelete } from "../../stores/restore.js";
import { toast } from "../../stores/toasts.js";
import { outcomeOf } from "../../stores/writes.js";
import { Dialog } from "../../ui/dialog.jsx";
import { Field } from "../../ui/field.jsx";
import { ChangeForm } from "../../ui/form.jsx";
import { Outcome } from "../../ui/outcome.jsx";
import { Copy } from "../../ui/parts.jsx";
import { ServiceTypes } from "../../ui/service-types.jsx";
import { ApiKey, Features, Pipeline } from "./ingestion.jsx";

const orNothing = (text) => text ?? "";

export default function Settings(shared) {
  const text = (set, field, name, more) => (values) => (
    <input type="text" {...field(name)} value={values[name]} autocomplete="off" spellcheck={false} {...more} onInput={(event) => set({ [name]: event.currentTarget.value })} />
  );
  return (
    <div class="columns even">
      <div class="column">
        <ChangeForm name="naming" title="Name and description" shared={shared}
          read={({ doc }) => ({ name: orNothing(doc.name), description: orNothing(doc.description) })}
          request={(values) => ({ endpoint: "/_name", body: values })}>
          {({ values, set, field, hint }) => (
            <div class="fields">
              <div class="field">
                <label for={field("name").id}>Name</label>
                {text(set, field, "name")(values)}
                {hint("name", "Shown in lists.")}
              </div>
              <div class="field">
                <label for={field("description").id}>Description</label>
                <textarea rows={3} {...field("description")} value={values.description} onInput={(event) => set({ description: event.currentTarget.value })} />
                {hint("description", "What the connector is for.")}
              </div>
            </div>
          )}
        </ChangeForm>
        <ChangeForm name="index" title="Index" shared={shared}
          read={({ doc }) => ({ index_name: orNothing(doc.index_name) })}
          request={({ index_name }) => ({ endpoint: "/_index_name", body: { index_name: index_name.trim() || null } })}>
          {({ values, set, field, hint, disabled }) => (
            <div class="fields">
              <div class="field">
                <label for={field("index_name").id}>Attached index</label>
                <div class="secret">
                  {text(set, field, "index_name")(values)}
                  <button type="button" disabled={disabled || values.index_name === ""} onClick={() => set({ index_name: "" })}>Detach</button>
                </div>
                {hint("index_name", values.index_name.trim() ? "Where its documents go. Each index belongs to one connector." : "Without an index, nothing is synced.")}
              </div>
            </div>
          )}
        </ChangeForm>
        <Pipeline shared={shared} />
      </div>
      <div class="column">
        <ChangeForm name="type" title="Type" action="Change type" shared={shared}
          read={({ doc }) => ({ service_type: orNothing(doc.service_type) })}
          request={({ service_type }) => ({ endpoint: "/_service_type", body: { service_type: service_type.trim() } })}>
          {({ values, set, field, hint }) => (
            <div class="fields">
              <div class="field">
                <label for={field("service_type").id}>Service type</label>
                {text(set, field, "service_type", { list: "service-types" })(values)}
                {hint("service_type", "The system it reads from. Another type needs another configuration.")}
                <ServiceTypes />
              </div>
            </div>
          )}
        </ChangeForm>
        <Features shared={shared} />
        <ApiKey shared={shared} />
        <Delete {...shared} />
      </div>
    </div>
  );
}

function Delete(shared) {
  const [open, setOpen] = useState(false);
  return (
    <section class="card danger" aria-labelledby="delete">
      <h2 id="delete">Delete</h2>
      <p class="muted">The connector disappears from lists and its index is free for others. The content of the index stays.</p>
      <div class="buttons">
        <button type="button" class="bad" disabled={Boolean(shared.barred) || shared.away} aria-describedby={shared.barred ? "barred" : undefined} onClick={() => setOpen(true)}>Delete connector…</button>
      </div>
      {open && <Confirm {...shared} onClose={() => setOpen(false)} />}
    </section>
  );
}

function Confirm({ id, store, seen, onClose }) {
  const [typed, setTyped] = useState("");
  const [hard, setHard] = useState(false);
  const [problem, setProblem] = useState(/** @type {any} */ (undefined));
  const outcome = outcomeOf(`${id} delete`);
  const pending = outcome.value?.state === "pending";
  const name = seen.doc.name || id;
  const clear = () => (outcome.value = undefined);

  async function submit(event) {
    if (typed !== id) {
      setProblem("This isn't the connector's id.");
      return /** @type {any} */ (event.target).elements.confirm.focus();
    }
    const about = ({ doc, view }) => [doc.name, view.status];
    const { state } = await store.change({
      method: "DELETE", endpoint: hard ? "?hard=true" : "", name: `${id} delete`, about, base: about(seen), isDone: () => false,
    });
    if (state !== "updated") return;
    go(listAddress());
    toast(hard ? `${name} was erased.` : `${name} was deleted.`, hard ? undefined : { title: "Undo", act: () => undelete(id, name) });
  }

  const says = {
    updated: "Deleted.",
    overtaken: "Someone changed this connector first, so it wasn't deleted. Review it and try again.",
    refused: "Couldn't delete the connector.",
  };
  return (
    <Dialog id="confirm-title" title={`Delete ${name}?`} onSubmit={submit} onClose={() => (clear(), onClose())}
      problem={<Outcome outcome={outcome.value} says={says} onClose={clear} />}
      actions={<button class="primary bad" disabled={pending}>{pending ? <><i class="spinner" /> Deleting…</> : hard ? "Erase connector" : "Delete connector"}</button>}>
      <p class="id">To confirm, type its id: <code>{id}</code><Copy text={id} what="the id" /></p>
      <Field id="confirm" label="Id" problem={problem}>
        <input id="confirm" name="confirm" value={typed} autocomplete="off" spellcheck={false} autofocus
          aria-invalid={Boolean(problem)} aria-describedby="confirm-hint" onInput={(event) => (setTyped(event.currentTarget.value), setProblem(undefined), clear())} />
      </Field>
      <label class="check">
        <input type="checkbox" checked={hard} onChange={(event) => setHard(event.currentTarget.checked)} />
        <span>Erase permanently<small class="muted">You can't restore an erased connector.</small></span>
      </label>
    </Dialog>
  );
}
