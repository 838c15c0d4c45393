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

/** The response to a request, and its effect. */
export interface Preview {
  /** The HTTP status of the response. */
  readonly status: number;
  /** The body of the response; `null` if it has none. */
  readonly body: unknown;
  /** The connector after the request; `null` if there is none. */
  readonly connector: ConnectorDocument | null;
}

/**
 * Loads the server's logic. Await it once, before the first preview.
 *
 * @example
 * await load();
 */
export declare function load(): Promise<void>;

/**
 * The server's response to a request about one connector, and the connector afterwards. Nothing is sent. `connector` is the current document; `null` if there is none.
 *
 * It doesn't know what only the server has: other connectors' indices, the key's privileges, entity tags, and the
 * history.
 *
 * @throws {Error} if `connector` isn't a connector document, or the request isn't about it.
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
