// Sync rules: the user edits a draft, the connector service validates it, and the user activates it.

import { conditions, isSame, partOf, problemOf, readSnippet, requestOf, snippetText } from "../../core/filtering.js";
import { outcomeOf } from "../../stores/writes.js";
import { Callout } from "../../ui/callout.jsx";
import { ChangeForm } from "../../ui/form.jsx";
import { Icon } from "../../ui/icons.jsx";
import { Outcome } from "../../ui/outcome.jsx";

const policies = [["include", "Include"], ["exclude", "Exclude"]];
const newRule = () => ({ id: `rule-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`, field: "", rule: "equals", policy: "exclude", value: "" });

export default function Filtering(shared) {
  const { doc } = shared.seen;
  const draft = partOf(doc, "draft");
  const active = partOf(doc, "active");
  const read = ({ doc }) => {
    const { rules, snippet } = partOf(doc, "draft");
    return { rules, snippet: snippetText(snippet) };
  };
  const check = ({ rules, snippet }) => {
    const parsed = readSnippet(snippet);
    return { rules: problemOf(rules), snippet: "problem" in parsed ? parsed.problem : undefined };
  };
  const request = ({ rules, snippet }, stored) => ({ endpoint: "/_filtering", body: requestOf(rules, stored.rules, snippet) });
  return (
    <>
      <Draft {...{ draft, active, shared }} />
      <ChangeForm name="filtering" title="Draft" action="Save draft" {...{ read, check, request, shared }}
        intro="The first rule that matches a document decides. Documents that match no rule are included.">
        {({ values, set, field, hint, disabled }) => {
          const change = (n, changes) => set({ rules: values.rules.map((rule, at) => (at === n ? { ...rule, ...changes } : rule)) });
          const swap = (n, m) => set({ rules: values.rules.map((rule, at) => values.rules[at === n ? m : at === m ? n : at]) });
          return (
            <>
              <ol class="rules">
                {values.rules.map((rule, n) => (
                  <li key={rule.id} class="rule">
                    <Choice label={`Rule ${n + 1}: policy`} value={rule.policy} options={policies} {...{ disabled }} onValue={(policy) => change(n, { policy })} />
                    <input aria-label={`Rule ${n + 1}: field`} name={n === 0 ? "rules" : undefined} class="mono" placeholder="field" value={rule.field} disabled={disabled} autocomplete="off" spellcheck={false} onInput={(event) => change(n, { field: event.currentTarget.value })} />
                    <Choice label={`Rule ${n + 1}: condition`} value={rule.rule} options={conditions} {...{ disabled }} onValue={(condition) => change(n, { rule: condition })} />
                    <input aria-label={`Rule ${n + 1}: value`} class="mono" placeholder="value" value={rule.value} disabled={disabled} autocomplete="off" spellcheck={false} onInput={(event) => change(n, { value: event.currentTarget.value })} />
                    <span class="rule-buttons">
                      <button type="button" class="icon-only" aria-label={`Move rule ${n + 1} up`} disabled={disabled || n === 0} onClick={() => swap(n, n - 1)}>↑</button>
                      <button type="button" class="icon-only" aria-label={`Move rule ${n + 1} down`} disabled={disabled || n === values.rules.length - 1} onClick={() => swap(n, n + 1)}>↓</button>
                      <button type="button" class="icon-only" aria-label={`Remove rule ${n + 1}`} disabled={disabled} onClick={() => set({ rules: values.rules.filter((_, at) => at !== n) })}><Icon name="close" /></button>
                    </span>
                  </li>
                ))}
                <li class="rule-last muted small">Everything else is included.</li>
              </ol>
              <div class="field">
                <div><button type="button" disabled={disabled} onClick={() => set({ rules: [...values.rules, newRule()] })}><Icon name="plus" /> Add rule</button></div>
                {hint("rules", "")}
              </div>
              <div class="field">
                <label for={field("snippet").id}>Advanced rules <span class="muted">(JSON, optional)</span></label>
                <textarea {...field("snippet")} class="mono" rows={Math.min(16, Math.max(4, values.snippet.split("\n").length + 1))} value={values.snippet} spellcheck={false} onInput={(event) => set({ snippet: event.currentTarget.value })} />
                {hint("snippet", "In the query language of the source. The connector service validates them.")}
              </div>
            </>
          );
        }}
      </ChangeForm>
      <section class="card" aria-labelledby="active-rules">
        <h2 id="active-rules">Active rules</h2>
        <Rules part={active} />
      </section>
    </>
  );
}

/** @param {any} props */
const Choice = ({ label, value, options, disabled, onValue }) => (
  <div class="select">
    <select aria-label={label} value={value} disabled={disabled} onChange={(event) => onValue(event.currentTarget.value)}>
      {!options.some(([name]) => name === value) && <option value={value}>{value || "Choose…"}</option>}
      {options.map(([name, title]) => <option key={name} value={name}>{title}</option>)}
    </select>
  </div>
);

/** The state of the draft, and the next step. */
function Draft({ draft, active, shared }) {
  const { id, store, away, barred } = shared;
  const key = `${id} filtering activate`;
  const outcome = outcomeOf(key);
  const disabled = Boolean(barred) || away || outcome.value?.state === "pending";
  const says = { updated: outcome.value?.what === "valid" ? "Marked as valid." : "Activated. The next sync uses these rules.", refused: "Couldn't change the draft." };
  const about = ({ doc }) => doc.filtering?.[0]?.draft;
  const change = (what, endpoint, body, isDone) => store.change({ endpoint, body, name: key, what, about, base: about(shared.seen), isDone });
  const activate = () => change("active", "/_filtering/_activate", undefined, ({ doc }) => isSame(partOf(doc, "draft"), partOf(doc, "active")));
  const markValid = () => change("valid", "/_filtering/_validation", { validation: { state: "valid", errors: [] } }, ({ doc }) => partOf(doc, "draft").state === "valid");
  const same = isSame(draft, active);
  return (
    <>
      <Outcome outcome={outcome.value} says={says} onClose={() => (outcome.value = undefined)} />
      {draft.state === "invalid" && (
        <Callout kind="bad" title="The connector service rejected the draft">
          <ul class="odd-list">{draft.errors.map(({ ids, messages }) => <li key={ids.join()}>{messages.join(" ")}{ids.length > 0 && ` (${ids.join(", ")})`}</li>)}</ul>
          <p class="small">Edit the draft below and save it to validate it again.</p>
        </Callout>
      )}
      {!same && draft.state === "valid" && (
        <Callout kind="good" title="The draft is valid but not active yet">
          <div class="help"><button type="button" class="primary" disabled={disabled} onClick={activate}>Activate draft</button></div>
        </Callout>
      )}
      {!same && draft.state !== "valid" && draft.state !== "invalid" && (
        <Callout kind="note" title="Waiting for the connector service to validate the draft">
          <details class="small">
            <summary>The connector service doesn't validate drafts</summary>
            <p>You can mark the draft as valid yourself. Nothing checks it then, and a sync may fail because of it.</p>
            <div class="help"><button type="button" disabled={disabled} onClick={markValid}>Mark as valid</button></div>
          </details>
        </Callout>
      )}
    </>
  );
}

/** @param {{ part: import("../../core/filtering.js").Part }} props */
const Rules = ({ part: { rules, snippet } }) => (
  <>
    <ol class="rules">
      {rules.map((rule, n) => (
        <li key={`${n} ${rule.id}`} class="small">
          {policies.find(([name]) => name === rule.policy)?.[1] ?? rule.policy} if <code>{rule.field}</code> {conditions.find(([name]) => name === rule.rule)?.[1] ?? rule.rule} <code>{rule.value}</code>
        </li>
      ))}
      <li class="muted small">{rules.length === 0 ? "Everything is included." : "Everything else is included."}</li>
    </ol>
    {snippetText(snippet) && <pre class="json" tabIndex={0} aria-label="Advanced rules">{snippetText(snippet)}</pre>}
  </>
);
