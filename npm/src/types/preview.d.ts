import type { ConnectorStatus } from "./index.js";

/** A connector document, as `GET /_connector/{id}` shows it. */
export interface ConnectorDocument {
  readonly id?: string;
  readonly status: ConnectorStatus;
  readonly [field: string]: unknown;
}

/** A request to the server. */
export interface PreviewRequest {
  /** `GET`, `PUT`, `POST`, `DELETE`, ... */
  readonly method: string;
  /** Path and query, such as `/_connector/my-connector/_status`. */
  readonly path: string;
  /** A string is the body itself; any other value is sent as JSON. */
  readonly body?: unknown;
}

/** The answer to a request, and its effect. */
export interface Preview {
  /** The HTTP status of the response. */
  readonly status: number;
  /** The body of the response; `null` if it has none. */
  readonly body: unknown;
  /** The connector after the request; `null` if there is none. */
  readonly connector: ConnectorDocument | null;
}

/**
 * Fetches and starts the core. Await it once, before the first preview.
 *
 * @example
 * await load();
 */
export declare function load(): Promise<void>;

/**
 * What the server would answer to a request about one connector, and what would become of the
 * connector. Nothing is sent. `connector` is the current document; `null` if there is none.
 *
 * It leaves out what only the server knows: whether another connector uses an index, what a key may
 * do, entity tags, and the history.
 *
 * @throws {Error} if `connector` is not a connector document, or the request is not about it.
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
