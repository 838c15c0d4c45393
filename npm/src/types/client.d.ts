import type { ConnectorStatus } from "./index.js";
import type { SyncJob, SyncJobStatus, SyncJobTriggerMethod, SyncJobType } from "./sync-jobs.js";

export { InvalidTransitionError } from "./index.js";
export type { ConnectorStatus } from "./index.js";
export type { SyncJob, SyncJobStatus, SyncJobTriggerMethod, SyncJobType } from "./sync-jobs.js";

/** Who moves a connector to a status: the connector service, a user, or nobody. */
export type Mover = "connector" | "user" | "nobody";

/** A change of a connector's status. */
export interface StatusChange {
  /** The status before; `null` at creation. */
  readonly from: ConnectorStatus | null;
  /** The status after. */
  readonly to: ConnectorStatus;
  /** The connector's version after the change, as in its `ETag`. */
  readonly version: number;
  /** When it happened, as ISO 8601 in UTC. */
  readonly at: string;
  /** The endpoint that made it, such as `_status`. */
  readonly via: string;
  /** The id of the API key that was used; `null` without a key. */
  readonly by: string | null;
  /** The error text in one line, if the change was to `error`. */
  readonly error: string | null;
  /** The protocol doesn't allow this move: it was written directly into the document. */
  readonly off_protocol?: true;
}

/** A status that may come next. */
export interface NextStatus {
  readonly status: ConnectorStatus;
  readonly who: Mover;
  /** Who sets this status and when, in a few words. */
  readonly when: string;
}

/** A connector as lists show it. */
export interface ConnectorSummary {
  readonly id: string;
  readonly name: string | null;
  readonly index_name: string | null;
  readonly service_type: string | null;
  readonly description: string | null;
  readonly status: ConnectorStatus;
  /** When the status was set, as ISO 8601 in UTC. */
  readonly since: string | null;
  /** When the connector service last checked in, as ISO 8601 in UTC. */
  readonly last_seen: string | null;
  /** The error that the connector service has reported. Lists show its essential line. */
  readonly error: string | null;
}

/** A connector's last sync as lists show it. */
export interface LastSync {
  /** When it was last synced, as ISO 8601 in UTC. */
  readonly last_synced: string | null;
  readonly last_sync_status: SyncJobStatus | null;
  /** The number of documents that the last sync indexed. */
  readonly last_indexed_document_count: number | null;
}

/** A connector's status, its history and the statuses that may follow. */
export interface ConnectorState extends ConnectorSummary {
  /** The id of the API key that set the status. */
  readonly by: string | null;
  /** The endpoint that set the status. */
  readonly via: string | null;
  /** After this time without a heartbeat a connector counts as silent. */
  readonly silent_after_seconds: number;
  readonly next: readonly NextStatus[];
  /** The newest change first. */
  readonly history: readonly StatusChange[];
}

/** A connector as `GET /_connector/{id}` returns it. Fields that aren't listed here are `unknown`. */
export interface Connector {
  readonly id: string;
  readonly status: ConnectorStatus;
  readonly name?: string | null;
  readonly description?: string | null;
  readonly index_name?: string | null;
  readonly service_type?: string | null;
  readonly language?: string | null;
  readonly is_native?: boolean;
  readonly error?: string | null;
  readonly last_seen?: string | null;
  readonly last_synced?: string | null;
  readonly last_sync_status?: SyncJobStatus | null;
  readonly last_sync_error?: string | null;
  readonly deleted?: boolean;
  readonly [field: string]: unknown;
}

/** A status, and whether a connector can move to it. */
export type TransitionOption = {
  readonly status: ConnectorStatus;
  /** Who usually sets this status. */
  readonly who: Mover;
  /** Who sets this status and when, in a few words. */
  readonly when: string;
} & (
  | { readonly allowed: true; readonly reason?: undefined }
  /** The connector can't move there now; `reason` says why. */
  | { readonly allowed: false; readonly reason: string }
);

/** Where the server is, and how to reach it. */
export interface ClientOptions {
  /** The address below which `/_connector` is served; `""` for the page's own origin. */
  url: string | URL;
  /** The encoded API key, as in `Authorization: ApiKey <apiKey>`. */
  apiKey?: string;
  /** Sends the requests; the global `fetch` by default. */
  fetch?: typeof fetch;
  /** Opens the sockets of `watch`; the global `WebSocket` by default. `null`: poll instead. */
  WebSocket?: (new (url: URL) => object) | null;
}

/** Options of every call. */
export interface CallOptions {
  /** Cancels the call when it is aborted. */
  signal?: AbortSignal;
}

/** A list that is read page by page while you iterate. */
export interface Listing<T, Page extends { readonly results: readonly T[] }> extends AsyncIterable<T> {
  /** Iterates over pages. */
  pages(): AsyncGenerator<Page, void, undefined>;
}

/** A page of a list. */
export interface Page<T> {
  /** The total number of matches. */
  readonly count: number;
  readonly results: readonly T[];
}

/** Paging. The server lists at most the first 10,000. */
export interface PageOptions extends CallOptions {
  /** The number of rows to skip. */
  from?: number;
  /** The number of rows on a page: 100 by default. */
  size?: number;
}

type OneOrMore<T> = T | readonly T[];

/** Filters of a list. A connector must match all of them. */
export interface ListOptions extends PageOptions {
  status?: OneOrMore<ConnectorStatus>;
  service_type?: OneOrMore<string>;
  index_name?: OneOrMore<string>;
  connector_name?: OneOrMore<string>;
  /** Words of the name, index or description; `*` matches any text. */
  query?: string;
  /** Includes soft-deleted connectors. */
  include_deleted?: boolean;
}

/** What a summary is sorted by. */
export type SortField = "urgency" | "name" | "index_name" | "service_type" | "since" | "last_seen";

/** Filters and order of a summary. */
export interface SummaryFilter {
  status?: OneOrMore<ConnectorStatus>;
  service_type?: OneOrMore<string>;
  /** Words that must all occur in the connector's texts. */
  query?: string;
  /** Only silent connectors. */
  silent?: boolean;
  /** Only connectors whose error has this cause, one of `causes`. */
  cause?: string;
  /** `urgency` by default. */
  sort?: SortField | `${SortField}:${"asc" | "desc"}`;
  /** The number of rows to skip. */
  from?: number;
  /** The number of rows on a page: 100 by default. */
  size?: number;
}

/** A page of connectors, with counts. */
export interface Summary extends Page<ConnectorSummary & { readonly version: number }> {
  /** The number of connectors without any filter. */
  readonly total: number;
  /** The number of connectors with each status, ignoring the filter's `status`. */
  readonly by_status: Readonly<Record<ConnectorStatus, number>>;
  /** The number of connectors of each type, ignoring the filter's `service_type`. */
  readonly by_service_type: Readonly<Record<string, number>>;
  /** The number of silent connectors. */
  readonly silent: number;
  /** What errors have in common, the most frequent first. Numbers, ids and addresses are left out. */
  readonly causes: readonly { readonly cause: string; readonly count: number }[];
  readonly silent_after_seconds: number;
}

/** The fields that a connector can be created with. */
export interface NewConnector {
  /** If missing, the server generates one. */
  readonly id?: string;
  readonly name?: string | null;
  readonly index_name?: string | null;
  readonly service_type?: string | null;
  readonly description?: string | null;
  readonly language?: string | null;
  readonly is_native?: boolean;
}

/** Options of a creation. */
export interface CreateOptions extends CallOptions {
  /**
   * `"*"`, the default: create the connector only if the id is free.
   * `null`: reset an existing connector, as Elasticsearch does.
   */
  ifNoneMatch?: "*" | null;
}

/** Options of a deletion. */
export interface DeleteOptions extends CallOptions {
  /** Erases it: it can't be restored. */
  hard?: boolean;
  /** Erases its sync jobs, too. */
  delete_sync_jobs?: boolean;
}

/** Which status changes to read. */
export interface HistoryOptions extends CallOptions {
  /** The number of changes on a page: 100 by default. */
  size?: number;
  /** Only changes before this version of the connector. */
  before?: number;
}

/** A request to the server. */
export interface RequestOptions extends CallOptions {
  /** Query parameters. `undefined` ones are left out. */
  query?: Readonly<Record<string, unknown>>;
  /** Sent as JSON. */
  body?: unknown;
  /** The entity tag that the connector must still have. */
  ifMatch?: string | null;
  /** `*`: only if it doesn't exist; for a GET, the entity tag of what you have. */
  ifNoneMatch?: string | null;
}

/** Which sync jobs to list. */
export interface SyncJobListOptions extends PageOptions {
  connector_id?: string;
  status?: SyncJobStatus;
  job_type?: OneOrMore<SyncJobType>;
}

/** The counts of a sync job. */
export interface SyncJobStats {
  readonly deleted_document_count: number;
  readonly indexed_document_count: number;
  readonly indexed_document_volume: number;
  readonly total_document_count?: number;
  readonly last_seen?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Sync jobs: for users who request them, and connector services that run them. */
export interface SyncJobsClient {
  /** The newest first. */
  list(options?: SyncJobListOptions): Listing<SyncJob, Page<SyncJob>>;
  get(id: string, options?: CallOptions): Promise<SyncJob>;
  /**
   * Requests a sync of the connector `id`.
   *
   * @example
   * const { id } = await client.syncJobs.create({ id: "my-connector" });
   */
  create(
    job: { readonly id: string; readonly job_type?: SyncJobType; readonly trigger_method?: SyncJobTriggerMethod },
    options?: CallOptions,
  ): Promise<{ readonly id: string }>;
  delete(id: string, options?: CallOptions): Promise<void>;
  /** Takes the job, as a connector service. */
  claim(
    id: string,
    by: { readonly worker_hostname: string; readonly sync_cursor?: Readonly<Record<string, unknown>> },
    options?: CallOptions,
  ): Promise<"updated" | "noop">;
  checkIn(id: string, options?: CallOptions): Promise<"updated" | "noop">;
  stats(id: string, stats: SyncJobStats, options?: CallOptions): Promise<"updated" | "noop">;
  suspend(id: string, options?: CallOptions): Promise<"updated" | "noop">;
  complete(id: string, options?: CallOptions): Promise<"updated" | "noop">;
  cancel(id: string, options?: CallOptions): Promise<"updated" | "noop">;
  setError(id: string, error: string, options?: CallOptions): Promise<"updated" | "noop">;
}

/** Which connectors to watch. */
export interface WatchOptions extends CallOptions {
  /** One connector. By default all that the key can see. */
  id?: string;
}

/** An event of `watch`. */
export type WatchEvent =
  /** Load your data again: the first event, and the first one after a long interruption. */
  | { readonly type: "reset" }
  /** A connector has changed. */
  | {
      readonly type: "change";
      readonly id: string;
      /** Its version: that of its `ETag`. */
      readonly version: number;
      /** How it is now; `null` if it has been deleted. */
      readonly connector: ConnectorSummary | null;
      /** Only `last_seen` has changed. */
      readonly heartbeat?: true;
    }
  /** Sync jobs of the connector `id` have changed; without an `id`, jobs of any connector may have. */
  | { readonly type: "sync_jobs"; readonly id?: string }
  /** The server can't be reached. The client keeps trying. */
  | { readonly type: "lost"; readonly error: ConnectorApiError }
  /** The server is back. Missed changes follow. */
  | { readonly type: "resumed" };

/**
 * A client of the API. Every call rejects with a {@link ConnectorApiError} if the server responds with an error or
 * can't be reached. A GET that gets 503 or 429 with `Retry-After` is retried up to twice.
 */
export interface ConnectorStatusClient {
  /**
   * Iterates over connectors, or pages of them, as documents.
   *
   * @example
   * for await (const { id, last_sync_error } of client.list({ status: "error" })) console.log(id, last_sync_error);
   */
  list(options?: ListOptions): Listing<Connector, Page<Connector>>;

  /**
   * A page of short rows, with counts.
   *
   * @example
   * const { by_status, results } = await client.summary({ sort: "since:desc" });
   */
  summary(options?: SummaryFilter & CallOptions): Promise<Summary>;

  /**
   * The connector's document.
   *
   * @example
   * const { name, configuration } = await client.get("my-connector");
   */
  get(
    id: string,
    options?: CallOptions & {
      /** Finds a soft-deleted connector, too. */
      include_deleted?: boolean;
      /** `false`: reads the nearest copy, which may be out of date. */
      realtime?: boolean;
    },
  ): Promise<Connector>;

  /**
   * The connector's status, since when, who set it, the statuses that may follow, and the newest changes.
   *
   * @example
   * const { status, since } = await client.status("my-connector");
   */
  status(id: string, options?: HistoryOptions): Promise<ConnectorState>;

  /**
   * All status changes, newest first.
   *
   * @example
   * for await (const { at, from, to } of client.history("my-connector")) console.log(at, from, to);
   */
  history(id: string, options?: HistoryOptions): Listing<StatusChange, { readonly results: readonly StatusChange[] }>;

  /**
   * Creates a connector. An existing one is left unchanged, unless `ifNoneMatch` is `null`.
   *
   * @throws {ConnectorApiError} with status 412 if it exists.
   * @example
   * await client.create({ id: "my-connector", service_type: "mysql" }); // { id: "my-connector", result: "created" }
   */
  create(
    connector?: NewConnector,
    options?: CreateOptions,
  ): Promise<{ readonly id: string; readonly result: "created" | "updated" }>;

  /**
   * Changes the status: reads the current one, checks the move, and writes only if nothing has changed since. If
   * something has, it reads and checks once more. `"noop"` means that the connector had this status already.
   *
   * @throws {InvalidTransitionError} before anything is written, if the move is not allowed.
   * @throws {TypeError} before anything is sent, if `to` is not a status.
   * @example
   * await client.update("my-connector", "connected"); // "updated"
   */
  update(id: string, to: ConnectorStatus, options?: CallOptions): Promise<"updated" | "noop">;

  /**
   * For each of the five statuses: whether the connector can move there now, why not, and who usually sets it.
   *
   * @example
   * for (const { status, allowed, reason } of await client.options("my-connector")) {
   *   const button = document.createElement("button");
   *   Object.assign(button, { textContent: status, disabled: !allowed, title: reason ?? "" });
   * }
   */
  options(id: string, options?: CallOptions): Promise<readonly TransitionOption[]>;

  /** Reports an error, which moves the connector to `error`. `null` clears the error and moves it to `connected`. */
  setError(id: string, error: string | null, options?: CallOptions): Promise<"updated" | "noop">;

  /** Soft-deletes the connector, or erases it with `hard`. */
  delete(id: string, options?: DeleteOptions): Promise<void>;

  /**
   * Restores a soft-deleted connector as it was.
   *
   * @throws {ConnectorApiError} with status 404 if it was erased, 400 if another one has its index.
   */
  restore(id: string, options?: CallOptions): Promise<"updated" | "noop">;

  readonly syncJobs: SyncJobsClient;

  /**
   * Changes as they happen, of one connector or of all that the key can see. It reconnects and continues where it
   * was. Where WebSockets are blocked, it polls every ten seconds, less often while nothing happens, and says `reset`
   * if something has changed.
   *
   * It ends when you leave the loop, or with the `signal`'s reason if that is aborted.
   *
   * @throws {ConnectorApiError} if the key isn't allowed to watch, or no longer.
   * @example
   * for await (const event of client.watch()) {
   *   if (event.type === "reset") await loadList();
   *   if (event.type === "change") show(event.id, event.connector);
   * }
   */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent, never, undefined>;

  /**
   * Sends any other request.
   *
   * @example
   * await client.request("PUT", "/_connector/my-connector/_name", { body: { name: "My connector" } });
   */
  request<T = unknown>(
    method: string,
    path: string,
    options?: RequestOptions,
  ): Promise<{ readonly body: T; readonly etag: string | null }>;
}

/**
 * A client of a connector-status server.
 *
 * @example
 * const client = connectorStatus({ url: "https://connectors.example.com", apiKey });
 * await client.update("my-connector", "connected");
 */
export declare function connectorStatus(options: ClientOptions): ConnectorStatusClient;

/**
 * Like {@link ConnectorStatusClient.options}, for a status that you have already, without a request.
 *
 * @throws {TypeError} if it is not a status.
 * @example
 * transitionOptions("created").filter(({ allowed }) => allowed);
 */
export declare function transitionOptions(from: ConnectorStatus): readonly TransitionOption[];

/**
 * An error response, a response that isn't from this API, or an unreachable server: then `status` is 0 and `cause`
 * says why.
 *
 * @example
 * try {
 *   await client.get("my-connector");
 * } catch (error) {
 *   if (error instanceof ConnectorApiError && error.status === 404) create();
 * }
 */
export declare class ConnectorApiError extends Error {
  private constructor();
  readonly name: "ConnectorApiError";
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** The type of the error, such as `resource_not_found_exception`. */
  readonly type: string | undefined;
  /** What is wrong, in words. */
  readonly reason: string;
}
