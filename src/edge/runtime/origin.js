// Requests to a cluster behind the Worker.

/** Sends a request elsewhere, with some headers more (not those that are empty). Neither its body nor that of the response is looked at. */
export async function forward(request, url, headers) {
  const copy = new Request(url, request);
  for (const [name, value] of Object.entries(JSON.parse(headers))) if (value) copy.headers.set(name, value);
  return fetch(copy, { redirect: "manual" });
}

/** The answer to a question of ours, as JSON: its status and, of a success, its text. */
export async function ask(url, authorization, body) {
  const headers = { authorization, accept: "application/json", "content-type": "application/json" };
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(url, { method, headers, body, redirect: "manual" });
  if (!response.ok) await response.body?.cancel();
  return JSON.stringify({ status: response.status, text: response.ok ? await response.text() : "" });
}
