// Requests to a cluster behind the Worker.

/** Sends a request elsewhere, with these headers instead of its own. Neither its body nor that of the response is looked at. */
export async function forward(request, url, via, forwardedFor) {
  try {
    const copy = new Request(url, request);
    copy.headers.set("via", via);
    if (forwardedFor) copy.headers.set("x-forwarded-for", forwardedFor);
    return await fetch(copy, { redirect: "manual" });
  } catch (cause) {
    throw Object.assign(new Error("the cluster cannot be reached", { cause }), { name: "Unreachable" });
  }
}

/** The answer to a question of ours, as JSON: its status and, of a success, its text. */
export async function ask(url, authorization, body) {
  const headers = { authorization, accept: "application/json", "content-type": "application/json" };
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(url, { method, headers, body, redirect: "manual" });
  if (!response.ok) await response.body?.cancel();
  return JSON.stringify({ status: response.status, text: response.ok ? await response.text() : "" });
}
