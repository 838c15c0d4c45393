// Editing a connector: forms validate as the server does, and never overwrite other people's changes.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { badge, hasFocus, hashOf, reach, says, startConsole, violations } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const documentOf = async (id) => (await site.curl("GET", `/_connector/${id}`)).body;
const save = (page, name = "Save", form) => (form ? page.getByRole("form", { name: form }) : page).getByRole("button", { name, exact: true });

const field = (label, order, rest) => ({
  label, order, type: "str", display: "textbox", required: true, sensitive: false, value: "", default_value: null, ...rest,
});
const configuration = {
  host: field("Host", 1, { tooltip: "Where the database is." }),
  port: field("Port", 2, { type: "int", display: "numeric", value: 5432, validations: [{ type: "less_than", constraint: 65536 }] }),
  password: field("Password", 3, { sensitive: true, value: "swordfish" }),
  mode: field("Mode", 4, { display: "dropdown", value: "fast", options: [{ label: "Fast", value: "fast" }, { label: "Careful", value: "careful" }] }),
  query: field("Query", 5, { display: "textarea", required: false, value: "line 1\nline 2" }),
  ssl: field("Use SSL", 6, { type: "bool", display: "toggle", value: false, required: false }),
  certificate: field("Certificate", 7, { depends_on: [{ field: "ssl", value: true }] }),
  rows: field("Rows", 8, { type: "int", required: false, default_value: 50, category: "Advanced" }),
  extra: field("Extra", 9, { required: false, value: { nested: true } }),
};

/** A connector whose service has registered configuration fields. */
async function configurable(id) {
  await site.imported(id, { status: "needs_configuration", name: id, service_type: "mysql", configuration });
}

test("the configuration form is built from the field definitions", async () => {
  await configurable("formed");
  const page = await site.open(hashOf("formed"));
  await page.getByRole("link", { name: "fill in the configuration" }).click();
  const labels = () => page.locator(".change-form label").evaluateAll((all) => all.map((label) => label.firstChild.textContent.trim() || label.textContent.trim()));
  await page.getByLabel("Host").waitFor();
  assert.deepEqual((await labels()).map((label) => label.replace(/\(.*/, "").trim()).filter(Boolean).slice(0, 5), ["Host", "Port", "Password", "Mode", "Query"]);
  await says(page, "Where the database is.");
  await says(page, "Advanced");
  await says(page, "Default: 50.");
  // A dependent field appears with the field that it depends on.
  assert.equal(await page.getByLabel("Certificate").count(), 0);
  await page.getByLabel("Use SSL").check();
  await page.getByLabel("Certificate").fill("PEM");
  // Secrets are never shown, and non-scalar values are not editable.
  assert.equal(await page.getByLabel("Password").inputValue(), "");
  assert.ok(!(await page.content()).includes("swordfish"));
  assert.equal(await page.getByLabel("Extra").isEnabled(), false);

  // The definitions' own validation rules.
  await page.getByLabel("Port").fill("many");
  await says(page, "Enter a whole number.");
  await page.getByLabel("Port").fill("70000");
  await says(page, "Must be less than 65536.");
  await save(page, "Save configuration").click();
  await says(page, "This field is required.");
  assert.equal(await page.evaluate(() => document.activeElement.name), "host");
  await page.getByLabel("Host").fill("db-1");
  await save(page, "Save configuration").click();
  assert.equal(await page.evaluate(() => document.activeElement.name), "port");
  await page.getByLabel("Port").fill("3306");
  await page.getByLabel("Mode").selectOption("careful");
  await says(page, "This also moves the connector to Configured.");
  // Input survives a visit to another section.
  await page.getByRole("link", { name: "Document" }).click();
  await page.locator(".json").waitFor();
  await page.getByRole("link", { name: "Configuration", exact: true }).click();
  const sent = page.waitForRequest((request) => request.method() === "PUT");
  await save(page, "Save configuration").click();
  await badge(page, "configured").waitFor();
  await hasFocus(page, /^Saved\./);
  // Only changed values are sent.
  assert.deepEqual((await sent).postDataJSON(), { values: { host: "db-1", port: 3306, mode: "careful", ssl: true, certificate: "PEM" } });
  const saved = (await documentOf("formed")).configuration;
  assert.deepEqual([saved.host.value, saved.port.value, saved.password.value, saved.query.value], ["db-1", 3306, "swordfish", "line 1\nline 2"]);
});

test("a multi-line secret keeps its line breaks and is masked until it is shown", async () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
  const key = field("Private key", 1, { display: "textarea", sensitive: true });
  await site.imported("pem", { status: "needs_configuration", name: "pem", service_type: "github", configuration: { key } });
  const page = await site.open(hashOf("pem", "configuration"));
  const control = page.getByLabel("Private key");
  await control.fill(pem);
  const mask = () => control.evaluate((element) => getComputedStyle(element).webkitTextSecurity);
  assert.equal(await mask(), "disc");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  assert.equal(await mask(), "none");
  await save(page, "Save configuration").click();
  await badge(page, "configured").waitFor();
  assert.equal((await documentOf("pem")).configuration.key.value, pem);
  assert.equal(await control.inputValue(), "");
});

test("schedules are checked while typing, and the next three runs are shown in words", async () => {
  await site.connector("scheduled", { name: "Scheduled" });
  const page = await site.open(hashOf("scheduled", "scheduling"));
  const full = page.getByRole("group", { name: "Full sync" });
  const expression = full.getByLabel("Schedule");
  await full.getByText("Next runs if enabled").waitFor();
  await expression.fill("0 0 0 * * *");
  await full.getByText("exactly one of day-of-month and day-of-week must be [?]").waitFor();
  assert.equal(await expression.getAttribute("aria-invalid"), "true");
  assert.equal(await full.locator(".runs li").count(), 0);
  await expression.fill("0 30 3 ? * MON");
  await full.getByLabel("Full sync").check();
  await full.getByText("Next runs").waitFor();
  const runs = await full.locator(".runs li").allTextContents();
  assert.equal(runs.length, 3);
  for (const run of runs) assert.match(run, /^Mon, \w{3} \d{1,2}, \d{4}, 03:30:00 UTC in \d+ (days?|hours?|minutes?|months?)$/);
  await expression.fill("0 0 0 1 1 ? 2020");
  await full.getByText("No more runs.").waitFor();
  await expression.fill("0 30 3 ? * MON");
  await save(page, "Save schedules").click();
  await says(page, "Saved.");
  const { scheduling } = await documentOf("scheduled");
  assert.deepEqual(scheduling.full, { enabled: true, interval: "0 30 3 ? * MON" });
  assert.deepEqual(scheduling.incremental, { enabled: false, interval: "0 0 0 * * ?" });
});

test("name, description, index and type can be edited", async () => {
  await site.connector("held", { name: "Held", index_name: "held-index" });
  await site.connector("plain", { name: "Plain", service_type: "mysql" }, "needs_configuration", "configured");
  const page = await site.open(hashOf("plain", "settings"));
  const form = (name) => page.getByRole("form", { name });
  await page.getByLabel("Name", { exact: true }).fill("Renamed");
  await page.getByRole("textbox", { name: "Description" }).fill("What it is for");
  await save(page, "Save", "Name and description").click();
  await form("Name and description").getByText("Saved.").waitFor();
  await page.getByRole("heading", { name: "Renamed", level: 1 }).waitFor();

  const index = page.getByLabel("Attached index");
  await index.fill("Bad Index");
  await form("Index").getByText("Invalid index name [Bad Index]").waitFor();
  await save(page, "Save", "Index").click();
  assert.equal(await page.evaluate(() => document.activeElement.name), "index_name");
  await index.fill("held-index");
  await save(page, "Save", "Index").click();
  // Only the server can find this problem.
  await says(page, "Index name [held-index] is used by another connector.");
  await hasFocus(page, /^Couldn't save\./);
  await index.fill("free-index");
  await save(page, "Save", "Index").click();
  await form("Index").getByText("Saved.").waitFor();
  assert.equal((await documentOf("plain")).index_name, "free-index");
  await form("Index").getByRole("button", { name: "Detach" }).click();
  await says(page, "Without an index, nothing is synced.");
  await save(page, "Save", "Index").click();
  await form("Index").getByText("Saved.").waitFor();
  assert.equal((await documentOf("plain")).index_name, null);

  await page.getByLabel("Service type").fill("");
  await form("Type").getByText('[service_type] cannot be [null] or [""].').waitFor();
  await page.getByLabel("Service type").fill("postgresql");
  await form("Type").getByText("This also moves the connector to Needs configuration.").waitFor();
  assert.ok((await page.locator("#service-types option").count()) > 20);
  await save(page, "Change type").click();
  await badge(page, "needs_configuration").waitFor();
  assert.equal((await documentOf("plain")).description, "What it is for");
});

test("an edit that loses a race keeps what was typed; a heartbeat does not block an edit", async () => {
  await site.connector("contested", { name: "Contested" });
  const page = await site.open(hashOf("contested", "settings"));
  const name = page.getByLabel("Name", { exact: true });
  await name.fill("Mine");
  await site.curl("PUT", "/_connector/contested/_check_in");
  await save(page, "Save", "Name and description").click();
  await says(page, "Saved.");
  await name.fill("Mine again");
  await site.curl("PUT", "/_connector/contested/_name", { name: "Theirs" });
  await says(page, "Someone has changed this while you were editing.");
  await save(page, "Save", "Name and description").click();
  await says(page, "Someone changed this connector first, so your change wasn't applied.");
  assert.equal((await documentOf("contested")).name, "Theirs");
  assert.equal(await name.inputValue(), "Mine again");
  await page.getByRole("button", { name: "Discard mine and load the saved version" }).click();
  assert.equal(await name.inputValue(), "Theirs");
});

test("the document is shown digit for digit, with sensitive values hidden until requested", async () => {
  await site.kv.put("c:exact", `{"status":"connected","configuration":{"key":{"label":"Key","sensitive":true,"value":"swordfish"}},"sync_cursor":{"n":12345678901234567}}`);
  const page = await site.open(hashOf("exact", "document"));
  const json = page.locator(".json");
  await json.waitFor();
  assert.match(await json.textContent(), /"value": "••••••••"/);
  assert.match(await json.textContent(), /"n": 12345678901234567/);
  await page.getByRole("button", { name: "Show the sensitive value" }).click();
  assert.match(await json.textContent(), /"value": "swordfish"/);
  await page.getByRole("button", { name: "Copy the document" }).click();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /swordfish/);
});

test("deleting asks for the id, and works by keyboard alone", async () => {
  await site.connector("doomed", { name: "Doomed", index_name: "doomed" });
  await site.connector("erased", { name: "Erased" });
  const page = await site.open(hashOf("doomed", "settings"));
  await page.getByRole("button", { name: "Delete connector…" }).waitFor();
  await reach(page, "Delete connector…");
  await page.keyboard.press("Enter");
  await page.locator("dialog :focus").waitFor();
  await page.keyboard.type("doom");
  await page.keyboard.press("Enter");
  await says(page, "This isn't the connector's id.");
  assert.equal((await documentOf("doomed")).name, "Doomed");
  await page.keyboard.type("ed");
  await page.keyboard.press("Enter");
  await says(page, "Doomed was deleted.");
  // The live region announces it wherever the focus is.
  await page.locator("[role=status]", { hasText: "Doomed was deleted." }).waitFor();
  await hasFocus(page, "Connectors");
  assert.equal((await site.curl("GET", "/_connector/doomed")).status, 404);
  assert.equal((await site.curl("GET", "/_connector/doomed?include_deleted")).status, 200);

  await page.goto(`${site.url}/${hashOf("erased", "settings")}`);
  await page.getByRole("button", { name: "Delete connector…" }).click();
  await page.getByLabel("Id", { exact: true }).fill("erased");
  await page.getByLabel("Erase permanently").check();
  await page.getByRole("button", { name: "Erase connector" }).click();
  await says(page, "Erased was erased.");
  assert.equal((await site.curl("GET", "/_connector/erased?include_deleted")).status, 404);
});

test("a draft of sync rules can be edited, validated and activated", async () => {
  await site.connector("ruled", { name: "Ruled" });
  const page = await site.open(hashOf("ruled", "filtering"));
  await says(page, "Everything is included.");
  await page.getByRole("button", { name: "Add rule" }).click();
  await page.getByLabel("Rule 1: field").fill("folder");
  await page.getByLabel("Rule 1: condition").selectOption("starts_with");
  await save(page, "Save draft").click();
  await says(page, "Rule 1 needs a field and a value.");
  await page.getByLabel("Rule 1: value").fill("/archive");
  await page.getByLabel(/Advanced rules/).fill("[{");
  await says(page, /^Not JSON/);
  await page.getByLabel(/Advanced rules/).fill('[{"tables":["orders"]}]');
  await save(page, "Save draft").click();
  await says(page, "Waiting for the connector service to validate the draft");
  const part = async (which) => (await documentOf("ruled")).filtering[0][which];
  const draft = await part("draft");
  assert.deepEqual(draft.rules.map(({ field, rule, policy, value }) => [field, rule, policy, value]), [["folder", "starts_with", "exclude", "/archive"], ["_", "regex", "include", ".*"]]);
  assert.deepEqual(draft.advanced_snippet.value, [{ tables: ["orders"] }]);
  assert.deepEqual(await violations(page), []);
  // The connector service's validation appears as soon as it arrives.
  await site.curl("PUT", "/_connector/ruled/_filtering/_validation", { validation: { state: "invalid", errors: [{ ids: ["rule"], messages: ["There is no folder."] }] } });
  await says(page, "There is no folder.");
  await site.curl("PUT", "/_connector/ruled/_filtering/_validation", { validation: { state: "valid", errors: [] } });
  await page.getByRole("button", { name: "Activate draft" }).click();
  await says(page, "Activated. The next sync uses these rules.");
  assert.deepEqual((await part("active")).rules, (await part("draft")).rules);
  await page.locator("#active-rules + .rules").getByText("/archive").waitFor();
});

test("pipeline, features and API key can be edited in the settings", async () => {
  await site.connector("settled", { name: "Settled" });
  const page = await site.open(hashOf("settled", "settings"));
  await page.getByLabel("Pipeline", { exact: true }).fill("search-default-ingestion");
  await page.getByLabel("Extract text").check();
  await save(page, "Save pipeline").click();
  await says(page, "Saved.");
  await page.getByLabel("Incremental sync").check();
  await page.getByLabel("Advanced sync rules").check();
  await save(page, "Save features").click();
  await page.getByRole("form", { name: "Features" }).getByText("Saved.").waitFor();
  await page.getByLabel("Id of the key").fill("key-1");
  await save(page, "Save API key").click();
  await page.getByRole("form", { name: "API key" }).getByText("Saved.").waitFor();
  const { pipeline, features, api_key_id } = await documentOf("settled");
  assert.deepEqual([pipeline.name, pipeline.extract_binary_content, pipeline.run_ml_inference], ["search-default-ingestion", true, false]);
  assert.deepEqual([features.incremental_sync.enabled, features.sync_rules.advanced.enabled, api_key_id], [true, true, "key-1"]);
  assert.deepEqual(await violations(page), []);
});

test("advanced fields are folded, and a dependent field is below the field it depends on", async () => {
  const folded = { ...configuration, ssl: field("Use SSL", 1, { type: "bool", display: "toggle", value: true, required: false }), timeout: field("Timeout", 2, { ui_restrictions: ["advanced"], value: "5" }) };
  await site.imported("folded", { status: "configured", name: "Folded", configuration: folded });
  const page = await site.open(hashOf("folded", "configuration"));
  await page.getByLabel("Certificate").waitFor();
  const labels = await page.locator(".readable label").evaluateAll((all) => all.map((label) => label.innerText.split("\n")[0].replace(/ \(.*/, "").trim()));
  assert.equal(labels[labels.indexOf("Use SSL") + 1], "Certificate");
  assert.equal(await page.getByLabel("Timeout").isVisible(), false);
  await page.getByText("Advanced settings").click();
  await page.getByLabel("Timeout").waitFor();
});
