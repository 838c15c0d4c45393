// The configuration form, built from the definitions that the connector service has registered.

import { useState } from "preact/hooks";

import { readAll } from "../../core/documents.js";
import { ChangeForm } from "../../ui/form.jsx";
import { Odd } from "../../ui/parts.jsx";

const definition = {
  label: "text",
  tooltip: "text",
  placeholder: "text",
  type: "text",
  display: "text",
  category: "text",
  order: "number",
  required: "flag",
  sensitive: "flag",
  options: "list",
  depends_on: "list",
  validations: "list",
  ui_restrictions: "list",
};

const isScalar = (value) => ["string", "number", "boolean"].includes(typeof value);
const isObject = (value) => typeof value === "object" && value !== null;
const isSwitch = ({ type, display }) => type === "bool" || display === "toggle";
/** The value of a field as its control shows it. Secrets are never shown. */
const shownValue = (entry) => {
  if (isSwitch(entry)) return entry.value === true || entry.value === "true";
  if (entry.sensitive || entry.value === undefined || entry.value === null) return "";
  return isObject(entry.value) ? JSON.stringify(entry.value) : String(entry.value);
};
const isSet = ({ value }) => value !== undefined && value !== null && value !== "";

const entriesOf = (doc) => {
  const { entries, odd } = readAll(doc.configuration, definition, "configuration.");
  entries.sort(([a, { order: x = Infinity }], [b, { order: y = Infinity }]) => (x === y ? (a < b ? -1 : 1) : x - y));
  return { entries: dependentsLast(entries), odd };
};

/** Each field is below the one that it depends on.
 * @param {[string, Record<string, any>][]} entries */
function dependentsLast(entries) {
  const names = new Set(entries.map(([name]) => name));
  const parentOf = ([name, { depends_on = [] }]) => depends_on.find((other) => isObject(other) && other.field !== name && names.has(other.field))?.field;
  const placed = new Set();
  /** @type {typeof entries} */
  const ordered = [];
  const place = (entry) => {
    if (placed.has(entry[0])) return;
    placed.add(entry[0]);
    ordered.push(entry);
    entries.filter((other) => parentOf(other) === entry[0]).forEach(place);
  };
  entries.filter((entry) => !parentOf(entry)).forEach(place);
  // Those that depend on each other.
  entries.forEach(place);
  return ordered;
}

const isAdvanced = ([, { ui_restrictions = [] }]) => ui_restrictions.includes("advanced");

export default function Configuration(shared) {
  const { entries, odd } = entriesOf(shared.seen.doc);
  if (entries.length === 0) {
    return (
      <>
        <Odd odd={odd} />
        <section class="card empty">
          <h2>No configuration yet</h2>
          <p class="muted">The connector service registers which fields it needs when it starts for the first time. They appear here as a form.</p>
        </section>
      </>
    );
  }
  const byName = Object.fromEntries(entries);
  /** Whether the field applies, given the values of the others. */
  const applies = (entry, values) =>
    (entry.depends_on ?? []).every((other) => !isObject(other) || !byName[other.field] || String(values[other.field]) === String(other.value));
  const read = ({ doc }) => Object.fromEntries(entriesOf(doc).entries.map(([name, entry]) => [name, shownValue(entry)]));
  /** Secrets aren't shown, so a change by someone else must be detected. */
  const guard = ({ doc }) => Object.fromEntries(entriesOf(doc).entries.filter(([, { sensitive }]) => sensitive).map(([name, { value }]) => [name, value ?? ""]));
  const check = (values) =>
    Object.fromEntries(entries.filter(([, entry]) => applies(entry, values)).map(([name, entry]) => [name, problemOf(entry, values[name])]));
  const request = (values, stored) => {
    const changed = entries.filter(([name]) => values[name] !== stored[name]);
    return { endpoint: "/_configuration", body: { values: Object.fromEntries(changed.map(([name, entry]) => [name, valueOf(entry, values[name])])) } };
  };
  return (
    <>
      <Odd odd={odd} />
      <ChangeForm name="configuration" title="Configuration" action="Save configuration" {...{ read, guard, check, request, shared }}
        intro="Fields that the connector service has registered. Only your changes are sent.">
        {({ values, set, field, hint, disabled }) => {
          const applicable = entries.filter(([, entry]) => applies(entry, values));
          const drawn = (members) => groups(members).map(([category, members]) => (
            <Group key={category} {...{ category }}>
              {members.map(([name, entry]) => (
                <Field key={name} {...{ name, entry, field, hint, disabled }} value={values[name]} onValue={(value) => set({ [name]: value })} />
              ))}
            </Group>
          ));
          const advanced = applicable.filter(isAdvanced);
          return (
            <div class="readable">
              {drawn(applicable.filter((entry) => !isAdvanced(entry)))}
              {advanced.length > 0 && (
                <details class="advanced" open={advanced.some(([name]) => check(values)[name] !== undefined) || undefined}>
                  <summary>Advanced settings <span class="muted">({advanced.length})</span></summary>
                  {drawn(advanced)}
                </details>
              )}
            </div>
          );
        }}
      </ChangeForm>
    </>
  );
}

/** Fields by category, in the order in which they come. */
function groups(entries) {
  const found = new Map();
  for (const entry of entries) {
    const category = entry[1].category ?? "";
    found.set(category, [...(found.get(category) ?? []), entry]);
  }
  return [...found];
}

const Group = ({ category, children }) => (category
  ? <fieldset><legend>{category}</legend><div class="fields">{children}</div></fieldset>
  : <div class="fields">{children}</div>);

function Field({ name, entry, value, field, hint, disabled, onValue }) {
  const [shown, setShown] = useState(false);
  const { label = name, tooltip, placeholder, display, sensitive, required, default_value, options } = entry;
  const control = field(name);
  const more = [
    sensitive && isSet(entry) && "A value is saved. Leave blank to keep it.",
    tooltip,
    isScalar(default_value) && default_value !== "" && !isSwitch(entry) && `Default: ${default_value}.`,
  ].filter(Boolean).join(" ");
  if (isSwitch(entry)) {
    return (
      <label class="check">
        <input type="checkbox" {...control} checked={value} onChange={(event) => onValue(event.currentTarget.checked)} />
        <span>{label}{hint(name, more)}</span>
      </label>
    );
  }
  const shared = { ...control, value, placeholder, autocomplete: "off", spellcheck: false, onInput: (event) => onValue(event.currentTarget.value) };
  const choices = (options ?? []).filter(isObject);
  return (
    <div class="field">
      <label for={control.id}>{label} {required && <span class="muted">(required)</span>}</label>
      {isObject(entry.value)
        ? <input {...shared} disabled />
        : display === "dropdown" && choices.length > 0
          ? (
            <div class="select">
              <select {...shared} onInput={undefined} onChange={(event) => onValue(event.currentTarget.value)}>
                {!choices.some((choice) => String(choice.value) === value) && <option value={value}>{value || "Choose…"}</option>}
                {choices.map((choice) => <option key={String(choice.value)} value={String(choice.value)}>{String(choice.label ?? choice.value)}</option>)}
              </select>
            </div>
          )
          : display === "textarea" && !sensitive
            ? <textarea rows={4} {...shared} />
            : sensitive
              ? (
                <div class="secret">
                  {display === "textarea"
                    // An input would drop the line breaks of, say, a PEM key.
                    ? <textarea rows={4} {...shared} class={shown ? undefined : "masked"} autocomplete="new-password" />
                    : <input type={shown ? "text" : "password"} {...shared} autocomplete="new-password" />}
                  <button type="button" disabled={disabled || !value} aria-pressed={shown} onClick={() => setShown(!shown)}>{shown ? "Hide" : "Show"}</button>
                </div>
              )
              : <input {...shared} inputMode={entry.type === "int" ? "numeric" : undefined} />}
      {hint(name, isObject(entry.value) ? "An object. Change it through the API." : more)}
    </div>
  );
}

/** The problem with a value, by its definition. */
function problemOf(entry, value) {
  if (isSwitch(entry) || isObject(entry.value)) return undefined;
  if (value === "") {
    const kept = entry.sensitive && isSet(entry);
    const filled = isScalar(entry.default_value) && entry.default_value !== "";
    return entry.required && !kept && !filled ? "This field is required." : undefined;
  }
  if (entry.type === "int" && !/^-?\d{1,15}$/.test(value.trim())) return "Enter a whole number.";
  for (const rule of (entry.validations ?? []).filter(isObject)) {
    const problem = rules[rule.type]?.(value.trim(), rule.constraint);
    if (problem) return problem;
  }
  return undefined;
}

const rules = {
  less_than: (value, limit) => (Number(value) < limit ? undefined : `Must be less than ${limit}.`),
  greater_than: (value, limit) => (Number(value) > limit ? undefined : `Must be greater than ${limit}.`),
  included_in: (value, list) => (!Array.isArray(list) || list.map(String).includes(value) ? undefined : `Must be one of ${list.join(", ")}.`),
  list_type: (value, type) => (type !== "int" || value.split(",").every((item) => /^\s*-?\d+\s*$/.test(item)) ? undefined : "Must be whole numbers, separated by commas."),
  regex(value, pattern) {
    try {
      return new RegExp(pattern).test(value) ? undefined : `Must match ${pattern}.`;
    } catch {
      // Written for another regex dialect: the connector service checks it.
      return undefined;
    }
  },
};

const valueOf = (entry, value) => (entry.type === "int" && value.trim() !== "" ? Number(value) : value);
