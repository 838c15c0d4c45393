// Sync jobs, as the API returns them.

import { isFinal, isSyncJobStatus } from "#connector-status/sync-jobs";

/** The types of jobs: their names and descriptions.
 * @type {Record<string, [string, string]>} */
export const jobTypes = {
  full: ["Full", "Reads everything."],
  incremental: ["Incremental", "Reads what has changed since the last sync."],
  access_control: ["Access control", "Reads which users can see which documents."],
};

/** The fields that are shown, and their types. */
export const jobFields = {
  id: "text",
  status: "text",
  job_type: "text",
  trigger_method: "text",
  created_at: "date",
  started_at: "date",
  completed_at: "date",
  canceled_at: "date",
  worker_hostname: "text",
  error: "text",
  indexed_document_count: "number",
  deleted_document_count: "number",
  indexed_document_volume: "number",
};

/** Why the server would refuse a job of this type.
 * @param {{ index_name?: string | null, service_type?: string | null }} doc
 * @param {string} type */
export function refusal(doc, type) {
  if (type !== "access_control" && !doc.index_name) return "No index is attached. Attach one in Settings to sync into it.";
  if (!doc.service_type) return "The connector has no type. Choose one in Settings.";
  return undefined;
}

/** Whether a job has not ended yet.
 * @param {any} status */
export const isRunning = (status) => isSyncJobStatus(status) && !isFinal(status);

/** The status after canceling: a running job has to stop first.
 * @param {any} status */
export const canceled = (status) => (status === "pending" || status === "suspended" ? "canceled" : "canceling");
