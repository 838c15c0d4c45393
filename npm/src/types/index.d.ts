/** The status of a connector. */
export type ConnectorStatus =
  | "created"
  | "needs_configuration"
  | "configured"
  | "connected"
  | "error";

/**
 * All statuses, in the order in which a connector usually goes through them.
 *
 * @example
 * for (const status of statuses) console.log(status);
 */
export declare const statuses: readonly ConnectorStatus[];

/**
 * Whether a connector may move from `from` to `to`.
 *
 * @throws {TypeError} if one of them is not a status.
 * @example
 * isValidTransition("configured", "connected"); // true
 * isValidTransition("created", "connected"); // false
 */
export declare function isValidTransition(from: ConnectorStatus, to: ConnectorStatus): boolean;

/**
 * The statuses that a connector may move to from `from`.
 *
 * @throws {TypeError} if it is not a status.
 * @example
 * nextStatuses("created"); // ["needs_configuration", "error"]
 */
export declare function nextStatuses(from: ConnectorStatus): readonly ConnectorStatus[];

/**
 * Why a connector may not move from `from` to `to`, in Elasticsearch's own words; `undefined` if it
 * may.
 *
 * @throws {TypeError} if one of them is not a status.
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
 * Throws if a connector may not move from `from` to `to`.
 *
 * @throws {InvalidTransitionError} if it may not.
 * @throws {TypeError} if one of them is not a status.
 * @example
 * assertTransition("created", "connected"); // throws
 */
export declare function assertTransition(from: ConnectorStatus, to: ConnectorStatus): void;

/**
 * Whether a value is the name of a status.
 *
 * @example
 * const status: unknown = JSON.parse(text).status;
 * if (isConnectorStatus(status)) nextStatuses(status);
 */
export declare function isConnectorStatus(value: unknown): value is ConnectorStatus;

/**
 * A move that the Connector Protocol does not allow. The message is Elasticsearch's. All entry points
 * of this package throw the same class.
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
  /** The connector's status. */
  readonly from: ConnectorStatus;
  /** The status that was asked for. */
  readonly to: ConnectorStatus;
  /** The statuses that `from` may move to. */
  readonly allowed: readonly ConnectorStatus[];
}
