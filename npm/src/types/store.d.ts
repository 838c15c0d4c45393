import type { ConnectorApiError, ConnectorState, ConnectorStatusClient, Summary, SummaryFilter } from "./client.js";

/** What a page shows, as it is now. The same object until something in it changes. */
export interface Snapshot<T> {
  /** What was read last; `undefined` until then, and where the server refuses to show it. */
  readonly value: T | undefined;
  /** Nothing has been read yet, and nothing has gone wrong. */
  readonly loading: boolean;
  /** Why `value` is missing, or may be out of date. Status 404: there is no such connector. */
  readonly error: ConnectorApiError | undefined;
  /** `error` may pass: it goes on trying by itself. */
  readonly reconnecting: boolean;
}

/**
 * A value that is kept up to date while somebody subscribes to it. It fits React's
 * `useSyncExternalStore`, and is a store of Svelte's.
 */
export interface Store<T> {
  /** The current snapshot. */
  readonly get: () => Snapshot<T>;
  /** The error of the current snapshot. */
  readonly error: ConnectorApiError | undefined;
  /**
   * Calls `listener` with the current snapshot, and with each that follows, until the function that
   * it gives is called. The first subscription starts to watch, the end of the last one stops it.
   */
  readonly subscribe: (listener: (snapshot: Snapshot<T>) => void) => () => void;
  /** Ends all subscriptions. */
  readonly close: () => void;
}

/**
 * One connector, kept up to date. All that is observed by one client shares one socket.
 *
 * @throws {TypeError} if it is not an id.
 * @example
 * const stop = observe(client, "my-connector").subscribe(({ value, error }) => {
 *   badge.textContent = value?.status ?? error?.reason ?? "";
 * });
 */
export declare function observe(client: ConnectorStatusClient, id: string): Store<ConnectorState>;

/**
 * A page of connectors and their counts, kept up to date: the first hundred, unless `filter` says
 * otherwise.
 *
 * @example
 * observeList(client, { status: "error" }).subscribe(({ value }) => show(value?.results ?? []));
 */
export declare function observeList(
  client: ConnectorStatusClient,
  filter?: SummaryFilter,
): Store<Summary>;
