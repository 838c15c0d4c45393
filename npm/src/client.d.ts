import type { ConnectorStatus } from "./index.js";

export { InvalidTransitionError } from "./index.js";
export type { ConnectorStatus } from "./index.js";

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
}

/** A status that may come next. */
export interface NextStatus {
  readonly status: ConnectorStatus;
  readonly who: Mover;
  /** Who moves it there and when, in a few words. */
  readonly when: string;
}

/** A connector's status, how it came about, and what may come next. */
export interface ConnectorState {
  readonly id: string;
  readonly status: ConnectorStatus;
  /** When it took this status, as ISO 8601 in UTC. */
  readonly since: string | null;
  /** The id of the API key that was used for it. */
  readonly by: string | null;
  /** The endpoint that set it. */
  readonly via: string | null;
  /** The error that the connector service has reported. */
  readonly error: string | null;
  /** When the connector service last checked in, as ISO 8601 in UTC. */
  readonly last_seen: string | null;
  /** How long it may be away before it counts as silent. */
  readonly silent_after_seconds: number;
  readonly next: readonly NextStatus[];
  /** The newest change first. */
  readonly history: readonly StatusChange[];
}

/** One status as a button would offer it. */
export interface TransitionOption {
  readonly status: ConnectorStatus;
  /** Whether the connector may move there now. */
  readonly allowed: boolean;
  /** Why it may not; `undefined` if it may. */
  readonly reason: string | undefined;
  /** Who usually moves a connector there. */
  readonly who: Mover;
  /** Who moves it there and when, in a few words. */
  readonly when: string;
}

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

/** The fields that a connector can be created with. */
export interface NewConnector {
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

/** Which connectors to watch. */
export interface WatchOptions extends CallOptions {
  /** This one; all that the key may see by default. */
  id?: string;
}

/** A connector as lists show it. */
export interface WatchedConnector {
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
  /** The error that the connector service has reported; the first 300 characters of it. */
  readonly error: string | null;
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
      readonly connector: WatchedConnector | null;
      /** Nothing but `last_seen` is new. */
      readonly heartbeat?: true;
    }
  /** Sync jobs have changed, or may have: those of the connector `id`, or of any. */
  | { readonly type: "sync_jobs"; readonly id?: string }
  /** The server cannot be reached. Trying goes on. */
  | { readonly type: "lost"; readonly error: unknown }
  /** The server is back. What has happened meanwhile follows. */
  | { readonly type: "resumed" };

/** Creates connectors, and reads and changes their status. */
export interface ConnectorStatusClient {
  /**
   * The connector's status, since when, by whom, what may come next, and the history.
   *
   * @throws {ConnectorApiError} if the server answers with an error.
   * @example
   * const { status, since } = await client.get("my-connector");
   */
  get(id: string, options?: CallOptions): Promise<ConnectorState>;

  /**
   * Creates a connector. One that exists is left as it is, unless `ifNoneMatch` is `null`.
   *
   * @throws {ConnectorApiError} with status 412 if it exists, or if the server answers with another
   * error.
   * @example
   * await client.create("my-connector", { service_type: "mysql" }); // "created"
   */
  create(id: string, fields?: NewConnector, options?: CreateOptions): Promise<"created" | "updated">;

  /**
   * Moves the connector to a status: reads the current one, checks the move, and writes only if
   * nothing has changed since. If something has, it reads and checks once more. `"noop"` means that
   * the connector had this status already.
   *
   * @throws {InvalidTransitionError} before anything is written, if the move is not allowed.
   * @throws {ConnectorApiError} if the server answers with an error.
   * @throws {TypeError} before anything is sent, if `to` is not a status.
   * @example
   * await client.update("my-connector", "connected"); // "updated"
   */
  update(id: string, to: ConnectorStatus, options?: CallOptions): Promise<"updated" | "noop">;

  /**
   * For each of the five statuses: whether the connector may move there now, why not, and who moves
   * it there.
   *
   * @throws {ConnectorApiError} if the server answers with an error.
   * @example
   * for (const { status, allowed, reason } of await client.options("my-connector")) {
   *   const button = document.createElement("button");
   *   Object.assign(button, { textContent: status, disabled: !allowed, title: reason ?? "" });
   * }
   */
  options(id: string, options?: CallOptions): Promise<readonly TransitionOption[]>;

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
 * The server has answered with an error, or with something that is not this API.
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
  /** The HTTP status. */
  readonly status: number;
  /** The type of the error, such as `resource_not_found_exception`. */
  readonly type: string | undefined;
  /** What is wrong, for people. */
  readonly reason: string;
}
