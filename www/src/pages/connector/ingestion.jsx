// The ingest pipeline, the features and the API key of a connector.

import { ChangeForm } from "../../ui/form.jsx";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isOn = (value) => value === true || value === "true";
const orNothing = (value) => (value === undefined || value === null ? "" : String(value));

const switches = [
  ["extract_binary_content", "Extract text", "From PDF, Word and other files."],
  ["reduce_whitespace", "Reduce whitespace", "Collapses repeated spaces and empty lines."],
  ["run_ml_inference", "Run inference", "Runs the pipeline's machine learning models."],
];

export const Pipeline = ({ shared }) => (
  <ChangeForm name="pipeline" title="Ingest pipeline" action="Save pipeline" shared={shared}
    read={({ doc }) => {
      const pipeline = isObject(doc.pipeline) ? doc.pipeline : {};
      return { name: orNothing(pipeline.name), ...Object.fromEntries(switches.map(([name]) => [name, isOn(pipeline[name])])) };
    }}
    check={({ name }) => ({ name: name.trim() ? undefined : "A pipeline needs a name." })}
    request={(values) => ({ endpoint: "/_pipeline", body: { pipeline: { ...values, name: values.name.trim() } } })}>
    {({ values, set, field, hint }) => (
      <div class="fields">
        <div class="field">
          <label for={field("name").id}>Pipeline</label>
          <input type="text" {...field("name")} value={values.name} autocomplete="off" spellcheck={false} onInput={(event) => set({ name: event.currentTarget.value })} />
          {hint("name", "An ingest pipeline of the cluster that receives the documents.")}
        </div>
        {switches.map(([name, title, about]) => (
          <label key={name} class="check">
            <input type="checkbox" {...field(name)} checked={values[name]} onChange={(event) => set({ [name]: event.currentTarget.checked })} />
            <span>{title}{hint(name, about)}</span>
          </label>
        ))}
      </div>
    )}
  </ChangeForm>
);

/** @type {[string, string[], string][]} */
const features = [
  ["document_level_security", ["document_level_security"], "Document level security"],
  ["incremental_sync", ["incremental_sync"], "Incremental sync"],
  ["native_connector_api_keys", ["native_connector_api_keys"], "API keys of native connectors"],
  ["basic_rules", ["sync_rules", "basic"], "Sync rules"],
  ["advanced_rules", ["sync_rules", "advanced"], "Advanced sync rules"],
];

export const Features = ({ shared }) => (
  <ChangeForm name="features" title="Features" action="Save features" intro="What the connector supports. The connector service sets this when it starts." shared={shared}
    read={({ doc }) => Object.fromEntries(features.map(([name, path]) => [name, isOn(path.reduce((at, step) => (isObject(at) ? at[step] : undefined), doc.features)?.enabled)]))}
    request={(values, stored) => {
      const changed = {};
      for (const [name, path] of features) {
        if (values[name] === stored[name]) continue;
        let at = changed;
        for (const step of path) at = at[step] ??= {};
        at.enabled = values[name];
      }
      return { endpoint: "/_features", body: { features: changed } };
    }}>
    {({ values, set, field, hint }) => (
      <div class="fields">
        {features.map(([name, , title]) => (
          <label key={name} class="check">
            <input type="checkbox" {...field(name)} checked={values[name]} onChange={(event) => set({ [name]: event.currentTarget.checked })} />
            <span>{title}{hint(name, "")}</span>
          </label>
        ))}
      </div>
    )}
  </ChangeForm>
);

export const ApiKey = ({ shared }) => (
  <ChangeForm name="api-key" title="API key" action="Save API key" intro="The key that the connector uses to write to its index. Only ids are stored here; the cluster keeps the keys." shared={shared}
    read={({ doc }) => ({ api_key_id: orNothing(doc.api_key_id), api_key_secret_id: orNothing(doc.api_key_secret_id) })}
    request={(values, stored) => ({ endpoint: "/_api_key_id", body: Object.fromEntries(Object.entries(values).filter(([name, value]) => value !== stored[name]).map(([name, value]) => [name, value.trim()])) })}>
    {({ values, set, field, hint }) => (
      <div class="fields">
        {[["api_key_id", "Id of the key", ""], ["api_key_secret_id", "Id of its secret", "The cluster's secret that holds the key of a native connector."]].map(([name, title, about]) => (
          <div key={name} class="field">
            <label for={field(name).id}>{title}</label>
            <input type="text" {...field(name)} class="mono" value={values[name]} autocomplete="off" spellcheck={false} onInput={(event) => set({ [name]: event.currentTarget.value })} />
            {hint(name, about)}
          </div>
        ))}
      </div>
    )}
  </ChangeForm>
);
