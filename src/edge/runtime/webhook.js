// Sending messages to webhooks.

/** The Worker's settings that are texts and whose names begin with one of those, as JSON. */
export function settings(env, prefixes) {
  const begins = (name) => prefixes.split(" ").some((prefix) => name.startsWith(prefix));
  return JSON.stringify(Object.fromEntries(Object.entries(env).filter(([name, value]) => typeof value === "string" && begins(name))));
}

/**
 * Sends a message; what came of it, as JSON. The answer's body is nobody's concern. What an error says is not passed
 * on: it may name the address, which may hold a secret.
 */
export async function deliver(url, headers, body, limit) {
  const begun = Date.now();
  const result = (what) => JSON.stringify({ ...what, took_ms: Date.now() - begun });
  try {
    const signal = AbortSignal.timeout(limit);
    const response = await fetch(url, { method: "POST", headers: JSON.parse(headers), body, redirect: "manual", signal });
    response.body?.cancel().catch(() => {});
    return result({ status: response.status });
  } catch (error) {
    return result({ is_late: error.name === "TimeoutError", is_lost: !(error instanceof TypeError) });
  }
}
