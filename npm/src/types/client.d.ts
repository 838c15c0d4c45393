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
  /** The version of the connector that it made: that of its `ETag`. */
  readonly version: number;
  /** When it happened, as ISO 8601 in UTC. */
  readonly at: string;
  /** The endpoint that made it, such as `_status`. */
  readonly via: string;
  /** The id of the API key that was used; `null` without a key. */
  readonly by: string | null;
  /** What the error said in one line, if the change was to `error`. */
  readonly error: string | null;
  /** The protocol has no such move: an update of the document made it. */
  readonly off_protocol?: true;
}

/** A status that may come next. */
export interface NextStatus {
  readonly status: ConnectorStatus;
  readonly who: Mover;
  /** Who moves it there and when, in a few words. */
  readonly when: string;
}

/** What lists show of a connector. */
export interface ConnectorSummary {
  readonly id: string;
  readonly name: string | null;
  readonly index_name: string | null;
  readonly service_type: string | null;
  readonly description: string | null;
  readonly status: ConnectorStatus;
  /** When it took this status, as ISO 8601 in UTC. */
  readonly since: string | null;
  /** When the connector service last checked in, as ISO 8601 in UTC. */
  readonly last_seen: string | null;
  /** The error that the connector service has reported. Lists show what it says, in one line. */
  readonly error: string | null;
}

/** What lists show of a connector's last sync. */
export interface LastSync {
  /** When it was last synced, as ISO 8601 in UTC. */
  readonly last_synced: string | null;
  readonly last_sync_status: SyncJobStatus | null;
  /** How many documents the last sync has indexed. */
  readonly last_indexed_document_count: number | null;
}

/** A connector's status, how it came about, and what may come next. */
export interface ConnectorState extends ConnectorSummary {
  /** The id of the API key that was used for its status. */
  readonly by: string | null;
  /** The endpoint that set its status. */
  readonly via: string | null;
  /** How long it may be away before it counts as silent. */
  readonly silent_after_seconds: number;
  readonly next: readonly NextStatus[];
  /** The newest change first. */
  readonly history: readonly StatusChange[];
}

/** A connector, as `GET /_connector/{id}` shows it: fields that are not named here are `unknown`. */
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

/** One status as a button would offer it: `allowed` tells whether there is a `reason` against it. */
export type TransitionOption = {
  readonly status: ConnectorStatus;
  /** Who usually moves a connector there. */
  readonly who: Mover;
  /** Who moves it there and when, in a few words. */
  readonly when: string;
} & (
  | { readonly allowed: true; readonly reason?: undefined }
  /** The connector may not move there now; `reason` says why. */
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
  /** Opens sockets to watch with; the global `WebSocket` by default. `null`: there are none. */
  WebSocket?: (new (url: URL) => object) | null;
}

/** Options of every call. */
export interface CallOptions {
  /** Cancels the call when it is aborted. */
  signal?: AbortSignal;
}

/** A list that is read page by page, as far as it is asked for. */
export interface Listing<T, Page extends { readonly results: readonly T[] }> extends AsyncIterable<T> {
  /** The same list by pages. */
  pages(): AsyncGenerator<Page, void, undefined>;
}

/** A page of a list. */
export interface Page<T> {
  /** How many there are in all. */
  readonly count: number;
  readonly results: readonly T[];
}

/** Where to start, how much to read at once. The server shows no more than the first 10,000. */
export interface PageOptions extends CallOptions {
  /** How many to skip. */
  from?: number;
  /** How many a page has: 100 by default. */
  size?: number;
}

type OneOrMore<T> = T | readonly T[];

/** Which connectors to list: those that match everything that is given. */
export interface ListOptions extends PageOptions {
  status?: OneOrMore<ConnectorStatus>;
  service_type?: OneOrMore<string>;
  index_name?: OneOrMore<string>;
  connector_name?: OneOrMore<string>;
  /** Words of the name, the index or the description; `*` stands for anything. */
  query?: string;
  /** Whether to list soft-deleted ones too. */
  include_deleted?: boolean;
}

/** What a summary is sorted by. */
export type SortField = "urgency" | "name" | "index_name" | "service_type" | "since" | "last_seen";

/** Which connectors a summary shows, and in which order. */
export interface SummaryFilter {
  status?: OneOrMore<ConnectorStatus>;
  service_type?: OneOrMore<string>;
  /** Words, each of which is in one of the texts of a connector. */
  query?: string;
  /** Only those that were last seen too long ago. */
  silent?: boolean;
  /** `urgency` by default. */
  sort?: SortField | `${SortField}:${"asc" | "desc"}`;
  /** How many to skip. */
  from?: number;
  /** How many to show: 100 by default. */
  size?: number;
}

/** A page of connectors, and counts of what there is beside. */
export interface Summary extends Page<ConnectorSummary & { readonly version: number }> {
  /** How many there are without any filter. */
  readonly total: number;
  /** How many have each status, whatever the filter says of statuses. */
  readonly by_status: Readonly<Record<ConnectorStatus, number>>;
  /** How many have each type, whatever the filter says of types. */
  readonly by_service_type: Readonly<Record<string, number>>;
  /** How many were last seen too long ago. */
  readonly silent: number;
  readonly silent_after_seconds: number;
}

/** The fields that a connector can be created with. */
export interface NewConnector {
  /** Generated by the server if it is left out. */
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
   * `"*"`, the default: create the connector only if there is none with that id.
   * `null`: reset it if there is one, as Elasticsearch does.
   */
  ifNoneMatch?: "*" | null;
}

/** Options of a deletion. */
export interface DeleteOptions extends CallOptions {
  /** Erase it for good: it cannot be restored. */
  hard?: boolean;
  /** Erase its sync jobs too. */
  delete_sync_jobs?: boolean;
}

/** Which changes of status to read. */
export interface HistoryOptions extends CallOptions {
  /** How many to read at once: 100 by default. */
  size?: number;
  /** Only those before this version of the connector. */
  before?: number;
}

/** A request to the server. */
export interface RequestOptions extends CallOptions {
  /** Query parameters; those that are `undefined` are left out. */
  query?: Readonly<Record<string, unknown>>;
  /** Sent as JSON. */
  body?: unknown;
  /** The entity tag of the version that the change is meant for. */
  ifMatch?: string | null;
  /** `*`: only if there is none; for a GET, the entity tag of what is known. */
  ifNoneMatch?: string | null;
}

/** Which sync jobs to list. */
export interface SyncJobListOptions extends PageOptions {
  connector_id?: string;
  status?: SyncJobStatus;
  job_type?: OneOrMore<SyncJobType>;
}

/** Numbers that a sync job has come to. */
export interface SyncJobStats {
  readonly deleted_document_count: number;
  readonly indexed_document_count: number;
  readonly indexed_document_volume: number;
  readonly total_document_count?: number;
  readonly last_seen?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Sync jobs: who asks for them, and the connector service that carries them out. */
export interface SyncJobsClient {
  /** The newest first. */
  list(options?: SyncJobListOptions): Listing<SyncJob, Page<SyncJob>>;
  get(id: string, options?: CallOptions): Promise<SyncJob>;
  /**
   * Asks for a sync of the connector `id`.
   *
   * @example
   * const { id } = await client.syncJobs.create({ id: "my-connector" });
   */
  create(
    job: { readonly id: string; readonly job_type?: SyncJobType; readonly trigger_method?: SyncJobTriggerMethod },
    options?: CallOptions,
  ): Promise<{ readonly id: string }>;
  delete(id: string, options?: CallOptions): Promise<void>;
  /** A connector service takes the job. */
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
  /** This one; all that the key may see by default. */
  id?: string;
}

/** Something that whoever watches is told. */
export type WatchEvent =
  /** Load what you show: nothing is known of what was before. Comes first, and after a long absence. */
  | { readonly type: "reset" }
  /** A connector has changed. */
  | {
      readonly type: "change";
      readonly id: string;
      /** Its version: that of its `ETag`. */
      readonly version: number;
      /** How it is now; `null` if it has been deleted. */
      readonly connector: ConnectorSummary | null;
      /** Nothing but `last_seen` is new. */
      readonly heartbeat?: true;
    }
  /** Sync jobs have changed, or may have: those of the connector `id`, or of any. */
  | { readonly type: "sync_jobs"; readonly id?: string }
  /** The server cannot be reached. Trying goes on. */
  | { readonly type: "lost"; readonly error: ConnectorApiError }
  /** The server is back. What has happened meanwhile follows. */
  | { readonly type: "resumed" };

/**
 * Everything that the server can be asked. Every call rejects with a {@link ConnectorApiError} if the
 * server answers with an error or cannot be reached. A GET is sent again, twice at most, if the
 * server says that it is busy and when to come back.
 */
export interface ConnectorStatusClient {
  /**
   * The connectors, one by one or by pages, as documents.
   *
   * @example
   * for await (const { id, last_sync_error } of client.list({ status: "error" })) console.log(id, last_sync_error);
   */
  list(options?: ListOptions): Listing<Connector, Page<Connector>>;

  /**
   * A page of what lists show, and counts.
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
      /** Show a soft-deleted one too. */
      include_deleted?: boolean;
      /** `false`: the copy nearest to you, which may be out of date. */
      realtime?: boolean;
    },
  ): Promise<Connector>;

  /**
   * The connector's status, since when, by whom, what may come next, and the newest changes.
   *
   * @example
   * const { status, since } = await client.status("my-connector");
   */
  status(id: string, options?: HistoryOptions): Promise<ConnectorState>;

  /**
   * All changes of status, the newest first.
   *
   * @example
   * for await (const { at, from, to } of client.history("my-connector")) console.log(at, from, to);
   */
  history(id: string, options?: HistoryOptions): Listing<StatusChange, { readonly results: readonly StatusChange[] }>;

  /**
   * Creates a connector. One that exists is left as it is, unless `ifNoneMatch` is `null`.
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
   * Moves the connector to a status: reads the current one, checks the move, and writes only if
   * nothing has changed since. If something has, it reads and checks once more. `"noop"` means that
   * the connector had this status already.
   *
   * @throws {InvalidTransitionError} before anything is written, if the move is not allowed.
   * @throws {TypeError} before anything is sent, if `to` is not a status.
   * @example
   * await client.update("my-connector", "connected"); // "updated"
   */
  update(id: string, to: ConnectorStatus, options?: CallOptions): Promise<"updated" | "noop">;

  /**
   * For each of the five statuses: whether the connector may move there now, why not, and who moves
   * it there.
   *
   * @example
   * for (const { status, allowed, reason } of await client.options("my-connector")) {
   *   const button = document.createElement("button");
   *   Object.assign(button, { textContent: status, disabled: !allowed, title: reason ?? "" });
   * }
   */
  options(id: string, options?: CallOptions): Promise<readonly TransitionOption[]>;

  /** Reports an error, which moves the connector to `error`; `null` takes it back, and moves it to `connected`. */
  setError(id: string, error: string | null, options?: CallOptions): Promise<"updated" | "noop">;

  /** Hides the connector, so that it can be restored; or erases it. */
  delete(id: string, options?: DeleteOptions): Promise<void>;

  /**
   * Brings back a connector that was hidden, as it was.
   *
   * @throws {ConnectorApiError} with status 404 if it was erased, 400 if another one has its index.
   */
  restore(id: string, options?: CallOptions): Promise<"updated" | "noop">;

  readonly syncJobs: SyncJobsClient;

  /**
   * What happens from now on, as it happens: to one connector, or to all that the key may see. It
   * reconnects by itself and goes on where it was. Where WebSockets do not get through it asks every
   * ten seconds, less often while nothing happens, and says `reset` when something has changed.
   *
   * It ends when the loop is left, or with the reason of the `signal` when that is aborted.
   *
   * @throws {ConnectorApiError} if the key may not watch, or not any more.
   * @example
   * for await (const event of client.watch()) {
   *   if (event.type === "reset") await loadList();
   *   if (event.type === "change") show(event.id, event.connector);
   * }
   */
  watch(options?: WatchOptions): AsyncGenerator<WatchEvent, never, undefined>;

  /**
   * Any other request.
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
 * The same as {@link ConnectorStatusClient.options} for a status that is known already, without a
 * request.
 *
 * @throws {TypeError} if it is not a status.
 * @example
 * transitionOptions("created").filter(({ allowed }) => allowed);
 */
export declare function transitionOptions(from: ConnectorStatus): readonly TransitionOption[];

/**
 * The server has answered with an error, or with something that is not this API, or cannot be reached:
 * then `status` is 0 and `cause` says why.
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
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** The type of the error, such as `resource_not_found_exception`. */
  readonly type: string | undefined;
  /** What is wrong, for people. */
  readonly reason: string;
}
