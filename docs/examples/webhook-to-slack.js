// A Worker between connector-status and Slack: it verifies a message and says it in Slack's form.
// Settings, both secrets: SIGNING_SECRET (that of the target), SLACK_URL (an incoming webhook of Slack).

import { Webhook } from "standardwebhooks";

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

export default {
  async fetch(request, { SIGNING_SECRET, SLACK_URL }) {
    let message;
    try {
      message = new Webhook(SIGNING_SECRET).verify(await request.text(), Object.fromEntries(request.headers));
    } catch {
      return new Response("not signed with the secret that is expected here", { status: 401 });
    }
    const { id, name, from, to, changes, reason, url } = message.data;
    const move = from === to ? to : `${from ?? "new"} → ${to}`;
    const many = changes > 1 ? ` (${changes} changes)` : "";
    const text = `*${escape(name ?? id)}*: ${message.type.split(".")[1].replace("_", " ")}, ${move}${many}`;
    const lines = [text, ...(reason ? [escape(reason)] : []), ...(url ? [`<${url}|Open>`] : [])];
    const headers = { "content-type": "application/json" };
    const { ok } = await fetch(SLACK_URL, { method: "POST", headers, body: JSON.stringify({ text: lines.join("\n") }) });
    // Anything but a success is tried again later.
    return new Response(null, { status: ok ? 204 : 502 });
  },
};
