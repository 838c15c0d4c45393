// Service types, by their names.

import { knownTypes, typeName } from "../core/service-types.js";

/** The suggestions of an input with `list="service-types"`; `more` are in use here already.
 * @param {{ more?: string[] }} props */
export const ServiceTypes = ({ more = [] }) => (
  <datalist id="service-types">
    {[...new Set([...more, ...knownTypes])].map((type) => <option key={type} value={type}>{typeName(type)}</option>)}
  </datalist>
);

/** The type of a connector in a table.
 * @param {{ type?: string | null }} props */
export const Type = ({ type }) => (type ? <span title={type}>{typeName(type)}</span> : <span class="muted">No type</span>);
