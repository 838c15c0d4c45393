// Connectors in React.

import { useMemo, useSyncExternalStore } from "react";
import { observe, observeList } from "~store";

const useStore = ({ subscribe, get }) => useSyncExternalStore(subscribe, get, get);

export const useConnector = (client, id) => useStore(useMemo(() => observe(client, id), [client, id]));

export function useConnectors(client, filter = {}) {
  // Filters are written down anew at each rendering; what counts is what they say.
  const text = JSON.stringify(filter);
  return useStore(useMemo(() => observeList(client, JSON.parse(text)), [client, text]));
}
