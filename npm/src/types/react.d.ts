import type { ConnectorState, ConnectorStatusClient, Summary, SummaryFilter } from "./client.js";
import type { Snapshot } from "./store.js";

export type { Snapshot } from "./store.js";

/**
 * One connector, kept up to date while the component is there. With another `id` it starts again:
 * nothing of the other connector is shown.
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
 * A page of connectors and their counts, kept up to date while the component is there.
 *
 * @example
 * const { value } = useConnectors(client, { status: ["error", "needs_configuration"] });
 */
export declare function useConnectors(
  client: ConnectorStatusClient,
  filter?: SummaryFilter,
): Snapshot<Summary>;
