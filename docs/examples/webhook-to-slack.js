// A Worker between connector-status and Slack: it verifies a message and says it in Slack's form.
// Settings, both secrets: SIGNING_SECRET (that of the target), SLACK_URL (an incoming webhook of Slack).

import { Webhook } from "standardwebhooks";

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

const label = (type) => type.split(".")[1].replace("_", " ");

/** What a message about one connector says. */
function ofOne(type, { id, name, from, to, changes, reason, sharing }) {
  const move = from === to ? to : `${from ?? "new"} → ${to}`;
  const many = changes > 1 ? ` (${changes} changes)` : "";
  const shared = sharing > 1 ? [`${sharing} connectors share this cause`] : [];
  return [`*${escape(name ?? id)}*: ${label(type)}, ${move}${many}`, ...(reason ? [escape(reason)] : []), ...shared];
}

/** What a message about many says. */
function ofMany({ event, count, connectors, causes }) {
  const names = connectors.slice(0, 10).map(({ id, name }) => escape(name ?? id));
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  return [`*${count} connectors*: ${label(event)}`, `${names.join(", ")}${more}`, ...causes.map(({ cause, count }) => `${count} × ${escape(cause)}`)];
}

/** What a message says, line by line. */
function said({ type, data }) {
  switch (type) {
    case "connector.summary":
      return ofMany(data);
    case "webhook.ended":
      return [`*${data.target}* (${escape(data.host)}) gets nothing more`, escape(data.reason)];
    case "webhook.misconfigured":
      return ["*Webhooks are misconfigured*", ...data.problems.map(escape)];
    default:
      return ofOne(type, data);
  }
}

export default {
  async fetch(request, { SIGNING_SECRET, SLACK_URL }) {
    let message;
    try {
      message = new Webhook(SIGNING_SECRET).verify(await request.text(), Object.fromEntries(request.headers));
    } catch {
      return new Response("not signed with the secret that is expected here", { status: 401 });
    }
    const { url, missed, test } = message.data;
    const [first, ...more] = said(message);
    const lines = [test ? `[Test] ${first}` : first, ...more, ...(missed ? [`${missed} messages before this one are missing`] : []), ...(url ? [`<${url}|Open>`] : [])];
    const headers = { "content-type": "application/json" };
    const { ok } = await fetch(SLACK_URL, { method: "POST", headers, body: JSON.stringify({ text: lines.join("\n") }) });
    // Anything but a success is tried again later.
    return new Response(null, { status: ok ? 204 : 502 });
  },
};
