// Parts of the console that are loaded on first use.

import { useEffect, useState } from "preact/hooks";

import { Callout } from "./callout.jsx";
import { Skeleton } from "./parts.jsx";

/** @param {() => Promise<{ default: any }>} load */
export function later(load) {
  let Part;
  return function Later(props) {
    const [state, setState] = useState(/** @type {any} */ ({}));
    useEffect(() => {
      if (!Part) load().then(({ default: loaded }) => setState({ loaded: (Part = loaded) }), (error) => setState({ error }));
    }, []);
    if (Part) return <Part {...props} />;
    if (state.error) return <Callout kind="warn" icon="away" title="This section couldn't be loaded. Reload the page to try again." />;
    return <Skeleton rows={3} />;
  };
}
