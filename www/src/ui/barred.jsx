// Why controls are disabled.

import { Icon } from "./icons.jsx";

/** Says once why all controls of a page are disabled.
 * @param {{ why?: string }} props */
export const Barred = ({ why }) => (why ? <p class="barred" id="barred"><Icon name="lock" /> {why}</p> : null);
