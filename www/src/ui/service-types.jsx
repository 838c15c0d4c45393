// Suggestions of service types.

import { knownTypes, typeName } from "../core/service-types.js";

/** The suggestions of an input with `list="service-types"`; `more` are in use here already.
 * @param {{ more?: string[] }} props */
export const ServiceTypes = ({ more = [] }) => (
  <datalist id="service-types">
    {[...new Set([...more, ...knownTypes])].map((type) => <option key={type} value={type}>{typeName(type)}</option>)}
  </datalist>
);
