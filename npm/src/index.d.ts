/** The status of a connector. */
export type ConnectorStatus =
  | "created"
  | "needs_configuration"
  | "configured"
  | "connected"
  | "error";

/**
 * Every status, in the order in which a connector usually goes through them.
 *
 * @example
 * for (const status of statuses) console.log(status);
 */
export declare const statuses: readonly ConnectorStatus[];

/**
 * May a connector go from `from` to `to`?
 *
 * @throws {TypeError} for what is no status at all.
 * @example
 * isValidTransition("configured", "connected"); // true
 * isValidTransition("created", "connected"); // false
 */
export declare function isValidTransition(from: ConnectorStatus, to: ConnectorStatus): boolean;

/**
 * The statuses that may follow `from`.
 *
 * @throws {TypeError} for what is no status at all.
 * @example
 * nextStatuses("created"); // ["needs_configuration", "error"]
 */
export declare function nextStatuses(from: ConnectorStatus): readonly ConnectorStatus[];

/**
 * Why `to` may not follow `from`, in the words of the edge and of Elasticsearch; `undefined` if
 * it may.
 *
 * @throws {TypeError} for what is no status at all.
 * @example
 * explainTransition("created", "connected");
 * // "Invalid transition attempt from [created] to [connected]. Such a status transition is not
 * // supported by the Connector Protocol."
 */
export declare function explainTransition(
  from: ConnectorStatus,
  to: ConnectorStatus,
): string | undefined;

/**
 * Does nothing if `to` may follow `from`.
 *
 * @throws {InvalidTransitionError} if it may not.
 * @throws {TypeError} for what is no status at all.
 * @example
 * assertTransition("created", "connected"); // throws
 */
export declare function assertTransition(from: ConnectorStatus, to: ConnectorStatus): void;

/**
 * Is this the name of a status?
 *
 * @example
 * const status: unknown = JSON.parse(text).status;
 * if (isConnectorStatus(status)) nextStatuses(status);
 */
export declare function isConnectorStatus(value: unknown): value is ConnectorStatus;

/**
 * A transition that the Connector Protocol does not have. Its message says so in the words of the
 * edge. One class for all entry points of this package.
 *
 * @example
 * try {
 *   assertTransition(from, to);
 * } catch (error) {
 *   if (error instanceof InvalidTransitionError) offer(error.allowed);
 * }
 */
export declare class InvalidTransitionError extends Error {
  private constructor();
  readonly name: "InvalidTransitionError";
  /** The status the connector has. */
  readonly from: ConnectorStatus;
  /** The status that was asked for. */
  readonly to: ConnectorStatus;
  /** The statuses that may follow `from`. */
  readonly allowed: readonly ConnectorStatus[];
}
