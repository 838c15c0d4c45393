// The protocol, deliberately written down a second time.

export const statuses = ["created", "needs_configuration", "configured", "connected", "error"];

/** The allowed moves. */
export const protocol = {
  created: ["needs_configuration", "error"],
  needs_configuration: ["configured", "error"],
  configured: ["needs_configuration", "configured", "connected", "error"],
  connected: ["configured", "connected", "error"],
  error: ["configured", "connected", "error"],
};

export const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to]));

/** How to bring a new connector to a status. */
export const ways = {
  created: [],
  needs_configuration: ["needs_configuration"],
  configured: ["needs_configuration", "configured"],
  connected: ["needs_configuration", "configured", "connected"],
  error: ["error"],
};
