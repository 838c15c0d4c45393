// Sync jobs on a connector's page: start, progress, cancellation, and errors.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { must } from "../edge/worker.mjs";
import { hasFocus, hashOf, reach, says, startConsole } from "./browser.mjs";

let site;
before(async () => (site = await startConsole()));
afterEach(() => site.closePages());
after(() => site.close());

const syncable = (id, ...moves) => site.connector(id, { name: id, index_name: id, service_type: "mysql" }, ...moves);
const job = (page, status) => page.locator(`.job[data-job="${status}"]`);
const jobsOf = async (id) => (await site.curl("GET", `/_connector/_sync_job?connector_id=${id}`)).body.results;
const succeed = (method, path, body) => must(site.url, method, `/_connector/_sync_job${path}`, body);

test("a job can be started, and its progress is live until it ends", async () => {
  await syncable("synced", "needs_configuration", "configured");
  const page = await site.open(hashOf("synced"));
  const loaded = page.waitForResponse((response) => response.url().includes("/jobs-"));
  await page.getByRole("link", { name: "Sync jobs", exact: true }).click();
  await loaded;
  await says(page, "Nothing has been synced yet.");
  await page.getByLabel("What to sync").selectOption("incremental");
  await page.getByRole("button", { name: "Start sync" }).click();
  await job(page, "pending").waitFor();
  await hasFocus(page, /^Incremental sync requested\./);
  await says(page, "A job of this type is already pending.");
  const [{ id, job_type, trigger_method }] = await jobsOf("synced");
  assert.deepEqual([job_type, trigger_method], ["incremental", "on_demand"]);
  await succeed("PUT", `/${id}/_claim`, { worker_hostname: "worker-7" });
  await job(page, "in_progress").getByText("worker-7").waitFor();
  await succeed("PUT", `/${id}/_stats`, { deleted_document_count: 3, indexed_document_count: 1234, indexed_document_volume: 4_560_000 });
  await job(page, "in_progress").getByText("1,234").waitFor();
  await job(page, "in_progress").getByText("4.6 MB").waitFor();
  await succeed("PUT", `/${id}/_complete`);
  await job(page, "completed").getByText("Took").waitFor();
  assert.equal(await page.getByRole("button", { name: "Cancel" }).count(), 0);
});

test("a pending job is canceled at once, by keyboard; a running job has to stop first", async () => {
  await syncable("stopped");
  const { id } = await succeed("POST", "", { id: "stopped", job_type: "full" });
  const page = await site.open(hashOf("stopped", "jobs"));
  await says(page, "The connector service starts it once the connector is configured.");
  await job(page, "pending").waitFor();
  await reach(page, "Cancel");
  await page.keyboard.press("Enter");
  await job(page, "canceled").waitFor();
  await hasFocus(page, /^The sync was canceled\./);
  const next = (await succeed("POST", "", { id: "stopped", job_type: "full" })).id;
  await succeed("PUT", `/${next}/_claim`, { worker_hostname: "worker-7" });
  await job(page, "in_progress").getByRole("button", { name: "Cancel" }).click();
  await says(page, "The connector service has been asked to stop the sync.");
  // A second cancellation is useless, and the page says so beforehand.
  const again = job(page, "canceling").getByRole("button", { name: "Canceling…" });
  assert.equal(await again.isEnabled(), false);
  assert.match(await again.getAttribute("title"), /^Invalid transition attempt from \[canceling\] to \[canceling\]/);
  assert.deepEqual((await jobsOf("stopped")).map(({ status }) => status), ["canceling", "canceled"]);
  assert.equal((await jobsOf("stopped"))[1].id, id);
});

test("a job that has ended meanwhile is not canceled, and the page says so", async () => {
  await syncable("late");
  const { id } = await succeed("POST", "", { id: "late" });
  await succeed("PUT", `/${id}/_claim`, { worker_hostname: "worker-7" });
  const page = await site.open(hashOf("late", "jobs"));
  await page.route("**/_cancel", async (route) => {
    await succeed("PUT", `/${id}/_complete`);
    await route.continue();
  });
  await job(page, "in_progress").getByRole("button", { name: "Cancel" }).click();
  await says(page, "Nothing was changed.");
  await says(page, "Invalid transition attempt from [completed] to [canceling].");
  await job(page, "completed").waitFor();
});

test("a job's error is shown in short and in full, and never interpreted as HTML", async () => {
  await syncable("broken");
  for (const error of ["<b>no bucket</b>", `line 1\n${"stack frame\n".repeat(60)}the end`]) {
    const { id } = await succeed("POST", "", { id: "broken" });
    await succeed("PUT", `/${id}/_claim`, { worker_hostname: "worker-7" });
    await succeed("PUT", `/${id}/_error`, { error });
  }
  const page = await site.open(hashOf("broken", "jobs"), { viewport: { width: 360, height: 740 } });
  await job(page, "error").first().waitFor();
  await says(page, "<b>no bucket</b>");
  assert.equal(await page.getByText("the end").isVisible(), false);
  await page.locator("details.why summary").click();
  await page.getByText("the end").waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});

test("a sync that the server would refuse is explained beforehand, and a refusal shows the server's reason", async () => {
  await site.connector("bare", { name: "Bare" });
  const page = await site.open(hashOf("bare", "jobs"));
  const start = page.getByRole("button", { name: "Start sync" });
  await says(page, "No index is attached.");
  assert.equal(await start.isEnabled(), false);
  await page.getByLabel("What to sync").selectOption("access_control");
  await says(page, "The connector has no type.");
  assert.equal(await start.isEnabled(), false);
  await site.curl("PUT", "/_connector/bare/_service_type", { service_type: "mysql" });
  await page.waitForFunction(() => !document.querySelector(".start button").disabled);
  await page.route("**/_sync_job", async (route) => {
    await site.curl("DELETE", "/_connector/bare?hard=true");
    await route.continue();
  });
  await start.click();
  await says(page, "This connector has been deleted");
});

test("many jobs are listed newest first, one page at a time", async () => {
  await syncable("busy");
  for (let n = 0; n < 45; n += 1) await succeed("POST", "", { id: "busy", job_type: n % 2 ? "full" : "incremental" });
  const page = await site.open(hashOf("busy", "jobs"));
  await says(page, "45 jobs");
  assert.equal(await page.locator(".job").count(), 20);
  await says(page, "Page 1 of 3");
  await page.getByRole("button", { name: "Next page" }).click();
  await page.getByRole("button", { name: "Next page" }).click();
  await says(page, "Page 3 of 3");
  await page.waitForFunction(() => document.querySelectorAll(".job").length === 5);
  await hasFocus(page, "Sync jobs");
  await page.reload();
  await says(page, "Page 3 of 3");
});
