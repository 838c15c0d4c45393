// A Worker that the checker must reject: the same API on KV alone, which reads, checks and writes.

const NEXT = {
  created: ["needs_configuration", "error"],
  needs_configuration: ["configured", "error"],
  configured: ["needs_configuration", "configured", "connected", "error"],
  connected: ["configured", "connected", "error"],
  error: ["configured", "connected", "error"],
};

export default {
  async fetch(request, { CONNECTORS }) {
    const { pathname, searchParams } = new URL(request.url);
    const [, , id, action] = pathname.split("/");
    const key = `c:${id}`;
    const before = await CONNECTORS.get(key, "json");
    const body = request.method === "PUT" ? await request.json() : {};
    const save = async (fields, via) => {
      const after = { ...before, ...fields };
      if (after.status !== before?.status || via === "_create") {
        const change = { from: before?.status ?? null, to: after.status, via };
        after.history = [change, ...(before?.history ?? [])];
      }
      await CONNECTORS.put(key, JSON.stringify(after));
    };
    const result = (text, status = 200) => Response.json({ result: text }, { status });
    const missing = Response.json({}, { status: 404 });
    if (request.method === "PUT" && action === undefined) {
      await save({ status: "created", error: undefined, deleted: false }, "_create");
      return before ? result("updated") : result("created", 201);
    }
    if (!before) return missing;
    if (request.method === "DELETE") {
      if (searchParams.get("hard") === "true") await CONNECTORS.delete(key);
      else if (before.deleted) return missing;
      else await save({ deleted: true });
      return Response.json({ acknowledged: true });
    }
    if (action === "_error") {
      const status = body.error === null ? "connected" : "error";
      if (before.status === status && before.error === body.error) return result("noop");
      await save({ status, error: body.error }, "_error");
      return result("updated");
    }
    if (before.deleted) return missing;
    if (request.method === "GET") return Response.json(before);
    if (action === "_configuration") {
      await save({ status: "configured" }, "_configuration");
      return result("updated");
    }
    if (!NEXT[before.status].includes(body.status)) return Response.json({}, { status: 400 });
    if (before.status === body.status) return result("noop");
    await save({ status: body.status }, "_status");
    return result("updated");
  },
};
