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
  type ConnectorState,
  type TransitionOption,
} from "connector-status/client";
import { isValidTransition as withoutWasm } from "connector-status/js";
import { load, preview, type ConnectorDocument } from "connector-status/preview";
import { init, isValidTransition as slim } from "connector-status/slim";
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
    const state: ConnectorState = await client.get("a", { signal });
    const options: readonly TransitionOption[] = await client.options("a");
    const known: readonly TransitionOption[] = transitionOptions(state.status);
    const made: "created" | "updated" = await client.create("a", { name: "A" }, { ifNoneMatch: null, signal });
    const result: "updated" | "noop" = await client.update("a", "connected", { signal });
    return `${made} ${result} ${options.length + known.length} ${state.next[0]?.when}`;
  } catch (error) {
    return error instanceof ConnectorApiError ? error.status : 0;
  }
}

export async function follow(signal: AbortSignal): Promise<string | undefined> {
  const client = connectorStatus({ url: "", WebSocket: globalThis.WebSocket ?? null });
  for await (const event of client.watch({ id: "a", signal })) {
    if (event.type === "lost") throw event.error;
    if (event.type === "sync_jobs" && event.id !== undefined) continue;
    if (event.type === "change" && !event.heartbeat && event.connector?.status === "error") return `${event.version} ${event.connector.error}`;
  }
  return undefined;
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
