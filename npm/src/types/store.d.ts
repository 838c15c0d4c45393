import type { ConnectorApiError, ConnectorState, ConnectorStatusClient, Summary, SummaryFilter } from "./client.js";

/** The current state of a store. The same object until something in it changes. */
export interface Snapshot<T> {
  /** The newest data; `undefined` until it has loaded, and if the server refuses access. */
  readonly value: T | undefined;
  /** Nothing has loaded yet, and nothing has failed. */
  readonly loading: boolean;
  /** Why `value` is missing, or may be out of date. Status 404: there is no such connector. */
  readonly error: ConnectorApiError | undefined;
  /** The error may be temporary, and the store keeps trying. */
  readonly reconnecting: boolean;
}

/**
 * A value that is kept up to date while it has subscribers. It works with React's `useSyncExternalStore` and is a
 * Svelte store.
 */
export interface Store<T> {
  /** The current snapshot. */
  readonly get: () => Snapshot<T>;
  /** The error of the current snapshot. */
  readonly error: ConnectorApiError | undefined;
  /**
   * Calls `listener` with the current snapshot and after each change. Returns a function that unsubscribes. The store
   * watches while it has subscribers.
   */
  readonly subscribe: (listener: (snapshot: Snapshot<T>) => void) => () => void;
  /** Ends all subscriptions. */
  readonly close: () => void;
}

/**
 * One connector, kept up to date. All stores of a client share one socket.
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
