// Makes responses of the texts that the module gives.

/** The format of those texts. */
const FORMAT = 1;

/**
 * What many responses have in common, by its text: status and headers. There are some dozens of them, and Headers
 * that have been made already are a good deal cheaper than a plain object.
 */
const common = new Map();

/**
 * A response from its text: a line of JSON with the format, the status and headers that many responses share, a line
 * of JSON with headers of its own, and the body.
 */
export function respond(text) {
  const first = text.indexOf("\n");
  const second = text.indexOf("\n", first + 1);
  const shared = text.slice(0, first);
  let init = common.get(shared);
  if (init === undefined) common.set(shared, (init = initOf(JSON.parse(shared))));
  const response = new Response(text.slice(second + 1) || null, init);
  const own = text.slice(first + 1, second);
  if (own !== "{}") for (const [name, value] of Object.entries(JSON.parse(own))) response.headers.set(name, value);
  return response;
}

function initOf({ format, status, headers }) {
  if (format !== FORMAT) throw new Error(`a response of format [${format}], known is [${FORMAT}]`);
  return { status, headers: new Headers(headers) };
}
