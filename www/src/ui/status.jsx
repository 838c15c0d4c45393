// Icons and badges of statuses.

import { label } from "../core/statuses.js";

const drawings = {
  created: <path d="M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2M8 5.5v5M5.5 8h5" />,
  needs_configuration: (
    <path d="M2.5 5h5M11.5 5h2M2.5 11h2M8.5 11h5M9.5 3.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6M6.5 9.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6" />
  ),
  configured: <path d="M3.5 2.5h9v11h-9zM5.7 6.2l1 1l1.8-2M10.3 6.5h.2M5.8 10.5h4.6" />,
  connected: <path d="M6.6 9.4l2.8-2.8M7.3 4.9l1.3-1.3a2.7 2.7 0 0 1 3.8 3.8l-1.3 1.3M8.7 11.1l-1.3 1.3a2.7 2.7 0 0 1-3.8-3.8l1.3-1.3" />,
  error: <path d="M8 2.3l6 10.9H2zM8 6.4v3.2M8 11.4v.1" />,
};

/** The drawing that belongs to a status, 16 by 16. */
export const StatusIcon = ({ status, ...rest }) => (
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {...rest}>
    {drawings[status]}
  </svg>
);

/** A status with icon, text and colour. A silent connector's badge is grey.
 * @param {{ status: string, large?: boolean, silent?: boolean }} props */
export const Badge = ({ status, large, silent }) => (
  <span class={`badge ${large ? "large" : ""} ${silent ? "silent" : ""}`} data-status={status}>
    <StatusIcon status={status} />
    {label(status)}
  </span>
);
