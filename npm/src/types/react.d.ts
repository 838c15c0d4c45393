import type { ConnectorState, ConnectorStatusClient, Summary, SummaryFilter } from "./client.js";
import type { Snapshot } from "./store.js";

export type { Snapshot } from "./store.js";

/**
 * One connector, kept up to date while the component is mounted. If the `id` changes, it starts over, without data of
 * the old connector.
 *
 * @throws {TypeError} if it is not an id.
 * @example
 * const { value, loading, error, reconnecting } = useConnector(client, "my-connector");
 */
export declare function useConnector(
  client: ConnectorStatusClient,
  id: string,
): Snapshot<ConnectorState>;

/**
 * A page of connectors and their counts, kept up to date while the component is mounted.
 *
 * @example
 * const { value } = useConnectors(client, { status: ["error", "needs_configuration"] });
 */
export declare function useConnectors(
  client: ConnectorStatusClient,
  filter?: SummaryFilter,
): Snapshot<Summary>;
