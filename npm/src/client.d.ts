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
  /** When, as ISO-8601 in UTC. */
  readonly at: string;
  /** The endpoint that made it, such as `_status`. */
  readonly via: string;
  /** The id of the API key that asked for it. */
  readonly by: string | null;
}

/** A status that may come next. */
export interface NextStatus {
  readonly status: ConnectorStatus;
  readonly who: Mover;
  /** Who it is and on what occasion, as half a sentence. */
  readonly when: string;
}

/** Where a connector is, how it got there, and what may come next. */
export interface ConnectorState {
  readonly id: string;
  readonly status: ConnectorStatus;
  /** Since when it has this status, as ISO-8601 in UTC. */
  readonly since: string | null;
  /** The id of the API key that asked for it. */
  readonly by: string | null;
  /** The endpoint that made it so. */
  readonly via: string | null;
  /** What the connector service has reported. */
  readonly error: string | null;
  /** When the connector service last checked in, as ISO-8601 in UTC. */
  readonly last_seen: string | null;
  readonly next: readonly NextStatus[];
  /** The newest change first. */
  readonly history: readonly StatusChange[];
}

/** One status as a button would offer it. */
export interface TransitionOption {
  readonly status: ConnectorStatus;
  /** May the connector go there now? */
  readonly allowed: boolean;
  /** Why not; `undefined` if it may. */
  readonly reason: string | undefined;
  /** Who usually moves a connector there. */
  readonly who: Mover;
  /** Who it is and on what occasion, as half a sentence. */
  readonly when: string;
}

/** Where the edge is, and how to reach it. */
export interface ClientOptions {
  /** Where `/_connector` is served; `""` for the page's own origin. */
  url: string | URL;
  /** The encoded API key, as in `Authorization: ApiKey <apiKey>`. */
  apiKey?: string;
  /** What to send requests with; the global `fetch` if it is not given. */
  fetch?: typeof fetch;
}

/** What goes for one call. */
export interface CallOptions {
  /** Gives up when this is aborted. */
  signal?: AbortSignal;
}

/** What a connector may be created with. */
export interface NewConnector {
  readonly name?: string | null;
  readonly index_name?: string | null;
  readonly service_type?: string | null;
  readonly description?: string | null;
  readonly language?: string | null;
  readonly is_native?: boolean;
}

/** What goes for one creation. */
export interface CreateOptions extends CallOptions {
  /**
   * `"*"`, which it is if nothing else is said: create only where there is no such connector.
   * `null`: reset one that is there, as Elasticsearch does.
   */
  ifNoneMatch?: "*" | null;
}

/** Reads and changes the status of connectors at the edge. */
export interface ConnectorStatusClient {
  /**
   * The connector's status, since when, by whom, what may follow, and the history.
   *
   * @throws {ConnectorApiError} if the edge refuses.
   * @example
   * const { status, since } = await client.get("my-connector");
   */
  get(id: string, options?: CallOptions): Promise<ConnectorState>;

  /**
   * Creates a connector. Unless `ifNoneMatch` is `null`, one that is there stays as it is.
   *
   * @throws {ConnectorApiError} with status 412 if there is such a connector, or if the edge refuses.
   * @example
   * await client.create("my-connector", { service_type: "mysql" }); // "created"
   */
  create(id: string, fields?: NewConnector, options?: CreateOptions): Promise<"created" | "updated">;

  /**
   * Moves the connector to a status: reads where it is, checks here, and writes only if nothing
   * has changed since. If something has, it reads and checks again, once. Says whether that made
   * a difference.
   *
   * @throws {InvalidTransitionError} before anything is written, if the table has no such move.
   * @throws {ConnectorApiError} if the edge refuses.
   * @throws {TypeError} for what is no status at all, before anything is sent.
   * @example
   * await client.update("my-connector", "connected"); // "updated"
   */
  update(id: string, to: ConnectorStatus, options?: CallOptions): Promise<"updated" | "noop">;

  /**
   * Each of the five statuses, with whether the connector may go there now, why not, and who
   * moves it there.
   *
   * @throws {ConnectorApiError} if the edge refuses.
   * @example
   * for (const { status, allowed, reason } of await client.options("my-connector")) {
   *   const button = document.createElement("button");
   *   Object.assign(button, { textContent: status, disabled: !allowed, title: reason ?? "" });
   * }
   */
  options(id: string, options?: CallOptions): Promise<readonly TransitionOption[]>;
}

/**
 * A client of the edge's status API.
 *
 * @example
 * const client = connectorStatus({ url: "https://connectors.example.com", apiKey });
 * await client.update("my-connector", "connected");
 */
export declare function connectorStatus(options: ClientOptions): ConnectorStatusClient;

/**
 * The same as {@link ConnectorStatusClient.options}, for a status that is known already.
 *
 * @throws {TypeError} for what is no status at all.
 * @example
 * transitionOptions("created").filter(({ allowed }) => allowed);
 */
export declare function transitionOptions(from: ConnectorStatus): readonly TransitionOption[];

/**
 * The edge has refused, or has not answered as it should.
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
