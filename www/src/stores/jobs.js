// Starts and cancels sync jobs.

import { send } from "./api.js";
import { write } from "./writes.js";

/** Sync jobs have no version, and starting one doesn't depend on anything that could have changed. */
const always = () => true;
const PATH = "/_connector/_sync_job";

/** The newest jobs of a connector, without their counts.
 * @param {string} id */
async function newest(id) {
  const query = new URLSearchParams({ connector_id: id, size: "20", filter_path: "results.id,results.job_type,results.status" });
  const { body } = await send("GET", `${PATH}?${query}`);
  return /** @type {{ id: string, job_type: string, status: string }[]} */ (body.results ?? []);
}

/** Starts a sync. `known` are jobs that exist already.
 * @param {string} id
 * @param {string} job_type
 * @param {{ known?: string[], name?: string, what?: unknown }} [options] */
export function startSync(id, job_type, { known, name, what } = {}) {
  return write({
    latest: /** @type {{ id: string, job_type: string }[]} */ ([]),
    about: always,
    base: true,
    // Without the earlier jobs, our job can't be told from another.
    isDone: (jobs) => known !== undefined && jobs.some((job) => job.job_type === job_type && !known.includes(job.id)),
    send: async () => (await send("POST", PATH, { body: { id, job_type, trigger_method: "on_demand" } })).body,
    read: () => newest(id),
  }, { name, what });
}

/** Cancels a job.
 * @param {{ id: string, status: string }} job
 * @param {{ name?: string, what?: unknown }} [options] */
export function cancelSync(job, { name, what } = {}) {
  const path = `${PATH}/${encodeURIComponent(job.id)}`;
  return write({
    latest: job,
    about: always,
    base: true,
    isDone: ({ status }) => status === "canceled" || status === "canceling",
    send: async () => (await send("PUT", `${path}/_cancel`)).body,
    read: async () => (await send("GET", path)).body,
  }, { name, what });
}

export { PATH as JOBS_PATH };
