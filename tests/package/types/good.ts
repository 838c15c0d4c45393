// All of this must compile.

import {
  assertTransition,
  explainTransition,
  InvalidTransitionError,
  isConnectorStatus,
  isValidTransition,
  nextStatuses,
  statuses,
  type ConnectorStatus,
} from "connector-status";
import {
  connectorStatus,
  ConnectorApiError,
  transitionOptions,
  type Connector,
  type ConnectorState,
  type ConnectorSummary,
  type Summary,
  type TransitionOption,
} from "connector-status/client";
import { isValidTransition as withoutWasm } from "connector-status/js";
import { load, preview, type ConnectorDocument } from "connector-status/preview";
import { init, isValidTransition as slim } from "connector-status/slim";
import { observe, observeList, type Snapshot, type Store } from "connector-status/store";
import {
  assertTransition as assertMove,
  isSyncJobStatus,
  movers,
  nextStatuses as nextOfJob,
  type SyncJob,
  type SyncJobStatus,
} from "connector-status/sync-jobs";

const legal: boolean = isValidTransition("created", "error");
const next: readonly ConnectorStatus[] = nextStatuses("created");
const reason: string | undefined = explainTransition("created", "connected");
const names: string[] = statuses.map((status) => status.toUpperCase());
const both: boolean[] = [withoutWasm("created", "error"), slim("created", "error")];

export function label(status: ConnectorStatus): string {
  switch (status) {
    case "created":
    case "needs_configuration":
      return "to be configured";
    case "configured":
    case "connected":
      return "ready";
    case "error":
      return "failed";
  }
}

export function narrow(value: unknown): readonly ConnectorStatus[] {
  return isConnectorStatus(value) ? nextStatuses(value) : [];
}

export function attempt(from: ConnectorStatus, to: ConnectorStatus): string {
  try {
    assertTransition(from, to);
    return to;
  } catch (error) {
    if (error instanceof InvalidTransitionError) return error.allowed.join();
    throw error;
  }
}

export async function use(signal: AbortSignal): Promise<string | number> {
  const client = connectorStatus({ url: new URL("https://localhost"), apiKey: "key", fetch });
  try {
    const state: ConnectorState = await client.status("a", { signal });
    const document: Connector = await client.get("a", { include_deleted: true });
    const configuration: unknown = document.configuration;
    const options: readonly TransitionOption[] = await client.options("a");
    const known: readonly TransitionOption[] = transitionOptions(state.status);
    const { result: made } = await client.create({ id: "a", name: "A" }, { ifNoneMatch: null, signal });
    const { id }: { id: string } = await client.create();
    await client.delete(id, { hard: true, delete_sync_jobs: true, signal });
    const restored: "updated" | "noop" = await client.restore(id, { signal });
    const job: SyncJob = await client.syncJobs.get((await client.syncJobs.create({ id: "a", job_type: "full" })).id);
    await client.syncJobs.claim(job.id, { worker_hostname: "here" });
    const result: "updated" | "noop" = await client.update("a", "connected", { signal });
    const { body } = await client.request<{ result: string }>("PUT", "/_connector/a/_name", { body: { name: "B" } });
    return `${made} ${result} ${restored} ${body.result} ${options.length + known.length} ${state.next[0]?.when} ${configuration}`;
  } catch (error) {
    return error instanceof ConnectorApiError ? error.status : 0;
  }
}

export async function follow(signal: AbortSignal): Promise<string | undefined> {
  const client = connectorStatus({ url: "", WebSocket: globalThis.WebSocket ?? null });
  for await (const event of client.watch({ id: "a", signal })) {
    if (event.type === "lost") return `${event.error.status} ${event.error.reason}`;
    if (event.type === "sync_jobs" && event.id !== undefined) continue;
    if (event.type === "change" && !event.heartbeat && event.connector?.status === "error") return `${event.version} ${event.connector.error}`;
  }
  return undefined;
}

export async function lists(): Promise<string[]> {
  const client = connectorStatus({ url: "" });
  const found: string[] = [];
  for await (const { id, last_sync_status } of client.list({ status: ["error"], size: 10 })) if (last_sync_status) found.push(id);
  for await (const { count, results } of client.list().pages()) found.push(`${count} ${results[0]?.id}`);
  for await (const { from, to } of client.history("a")) found.push(`${from} ${to}`);
  for await (const job of client.syncJobs.list({ connector_id: "a", status: "error" })) found.push(job.id);
  const { by_status, results } = await client.summary({ sort: "since:desc", silent: true });
  const row: ConnectorSummary | undefined = results[0];
  return [...found, `${by_status.error} ${row?.name}`];
}

/** `allowed` narrows the type of the reason. */
export function why(option: TransitionOption): string {
  return option.allowed ? option.when : option.reason.toUpperCase();
}

export function observed(): () => void {
  const client = connectorStatus({ url: "" });
  const list: Store<Summary> = observeList(client, { status: "error" });
  const problem: ConnectorApiError | undefined = list.error;
  if (problem) list.close();
  const one: Snapshot<ConnectorState> = observe(client, "a").get();
  return list.subscribe(({ value, reconnecting }) => console.log(value?.results.length, reconnecting, one.value?.status));
}

export async function look(connector: ConnectorDocument): Promise<ConnectorDocument | null> {
  await load();
  const request = { method: "PUT", path: "/_connector/a/_status", body: { status: "error" } };
  return preview(connector, request, { now: new Date() }).connector;
}

init(new Uint8Array());
export { both, legal, names, next, reason };

export function following(job: SyncJob, to: unknown): readonly SyncJobStatus[] {
  if (!isSyncJobStatus(to)) return [];
  assertMove(job.status, to);
  const who: "connector" | "user" | "nobody" = movers[to].who;
  return who === "nobody" ? [] : nextOfJob(to);
}
