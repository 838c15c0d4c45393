// Connectors in React.

import { useMemo, useSyncExternalStore } from "react";
import { observe, observeList } from "~store";

const useStore = ({ subscribe, get }) => useSyncExternalStore(subscribe, get, get);

export const useConnector = (client, id) => useStore(useMemo(() => observe(client, id), [client, id]));

export function useConnectors(client, filter = {}) {
  // A filter is a new object at each rendering, so it is compared by its contents.
  const text = JSON.stringify(filter);
  return useStore(useMemo(() => observeList(client, JSON.parse(text)), [client, text]));
}
