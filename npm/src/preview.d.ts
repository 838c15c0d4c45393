import type { ConnectorStatus } from "./index.js";

/** A connector document, as `GET /_connector/{id}` shows it. */
export interface ConnectorDocument {
  readonly id?: string;
  readonly status: ConnectorStatus;
  readonly [field: string]: unknown;
}

/** A request to the edge. */
export interface PreviewRequest {
  /** `GET`, `PUT`, `POST`, `DELETE`, ... */
  readonly method: string;
  /** Path and query, such as `/_connector/my-connector/_status`. */
  readonly path: string;
  /** Text as it would be sent, or a value that is sent as JSON. */
  readonly body?: unknown;
}

/** What would come of a request. */
export interface Preview {
  /** The HTTP status of the answer. */
  readonly status: number;
  /** The body of the answer; `null` if there is none. */
  readonly body: unknown;
  /** The connector as it would be; `null` if there would be none. */
  readonly connector: ConnectorDocument | null;
}

/**
 * Gets the core ready. Has to be awaited once, before the first preview.
 *
 * @example
 * await load();
 */
export declare function load(): Promise<void>;

/**
 * What the edge would answer to a request about one connector, and what would become of the
 * connector. Nothing is sent. `connector` is the document as it is; `null` if there is none.
 *
 * What only the edge knows is left out: whether another connector uses an index, who may do what,
 * entity tags, and how the connector came to its status.
 *
 * @throws {Error} if `connector` is no connector document, or the request is not about it.
 * @example
 * const { status, connector: after } = preview(
 *   connector,
 *   { method: "PUT", path: "/_connector/my-connector/_status", body: { status: "connected" } },
 *   { now: new Date() },
 * );
 */
export declare function preview(
  connector: ConnectorDocument | null | undefined,
  request: PreviewRequest,
  context?: { readonly now?: Date | number | string },
): Preview;
