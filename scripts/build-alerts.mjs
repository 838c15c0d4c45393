// `npm run build:alerts`: generates docs/alerts.yml (Prometheus rules), docs/dashboard.json (Grafana) and the table of
// alerts in docs/operations.md from one list.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { readOptions } from "./command.mjs";
import { root } from "./tools.mjs";

const JOB = 'job="connector-status"';
const day = 86_400;

/**
 * The panels (`title`, `unit`, `lines`: expressions by legend) and their alerts. An alert's `when` is its summary;
 * `then` is what to do about it.
 */
export const numbers = [
  {
    title: "The service", unit: "bool_on_off",
    lines: { "answers scrapes": `up{${JOB}}`, "the Directory answers": "connector_status_directory_up" },
    alerts: [
      {
        name: "ScrapeFails", severity: "critical", for: "5m", expr: `up{${JOB}} == 0`,
        when: "connector-status refuses the scrape or does not answer",
        then: "Prometheus' page of targets has the answer. 401: the key of the scrape has ended or was revoked: make a new one with `npm run key`. Anything else: see Cloudflare's status and `npx wrangler tail`",
      },
      {
        name: "DirectoryAway", severity: "critical", for: "5m", expr: "connector_status_directory_up == 0",
        when: "the Directory does not answer",
        then: "writes go on, lists and new index names do not. See Cloudflare's status and the log (`npx wrangler tail`)",
      },
      {
        name: "NumbersAbsent", severity: "warning", for: "10m", expr: "absent(connector_status_connectors)",
        when: "nothing is known of any connector, so no other alert here can fire",
        then: "one of the two above says why; if neither does, Prometheus does not scrape the service at all",
      },
      {
        name: "ScrapeKeyEnds", severity: "warning", for: "0m", expr: `connector_status_key_expires_timestamp_seconds - time() < ${7 * day}`,
        when: "the key of the scrape ends within a week",
        then: "make a new one with `npm run key` and give it to Prometheus",
      },
    ],
  },
  {
    title: "Keys that end within a week", unit: "short",
    lines: { keys: "connector_status_keys_ending" },
    alerts: [
      {
        name: "KeysEnd", severity: "warning", for: "0m", expr: "connector_status_keys_ending > 0",
        when: "keys end within a week",
        then: "`npm run key -- list --remote` says which, and when each was last used: make new ones, or let them end",
      },
    ],
  },
  {
    title: "Since the last backup", unit: "s",
    lines: { "changed since": "time() - connector_status_last_backup_timestamp_seconds" },
    alerts: [
      {
        name: "BackupOld", severity: "warning", for: "1h",
        expr: `time() - connector_status_last_backup_timestamp_seconds > ${2 * day} or absent(connector_status_last_backup_timestamp_seconds) and on () connector_status_directory_up == 1`,
        when: "there is no complete backup of the last two days",
        then: "`npm run backup -- --url ... --to ...` makes one and says what goes wrong",
      },
    ],
  },
  {
    title: "Connectors by status", unit: "short",
    lines: { "{{status}}": "connector_status_connectors" },
    alerts: [
      {
        name: "ConnectorFailed", severity: "warning", for: "0m", expr: "time() - connector_status_newest_error_timestamp_seconds < 300",
        when: "a connector has failed within the last five minutes, whether or not others failed before",
        then: "open the console, filter by error, newest first: each connector says why; its history says since when",
      },
      {
        name: "ConnectorsFailing", severity: "warning", for: "1h", expr: 'connector_status_connectors{status="error"} > 0',
        when: "connectors have been failing for an hour",
        then: "the console groups them by what they say",
      },
    ],
  },
  {
    title: "Silent and never seen", unit: "short",
    lines: { silent: "connector_status_silent_connectors", "never seen": "connector_status_never_seen_connectors" },
    alerts: [
      {
        name: "ConnectorsSilent", severity: "warning", for: "15m", expr: "connector_status_silent_connectors > 0",
        when: "connectors have not checked in for SILENT_AFTER_SECONDS",
        then: "the connector service is down or cannot reach this address: look there first",
      },
      {
        name: "ConnectorsNeverSeen", severity: "info", for: "1d", expr: "connector_status_never_seen_connectors > 0",
        when: "connectors have never checked in",
        then: "no connector service is set up for them, or it asks elsewhere",
      },
    ],
  },
  {
    title: "Sync jobs", unit: "short",
    lines: { "{{status}}": "connector_status_sync_jobs", "{{status}} in the last day": "connector_status_sync_jobs_last_day" },
    alerts: [],
  },
  {
    title: "The oldest sync job", unit: "s",
    lines: { "{{status}}": "connector_status_sync_jobs_oldest_seconds" },
    alerts: [
      {
        name: "SyncJobsWait", severity: "warning", for: "5m", expr: 'connector_status_sync_jobs_oldest_seconds{status="pending"} > 3600',
        when: "a sync job has waited for an hour",
        then: "the connector service does not take jobs: is it running, and does it serve this type?",
      },
      {
        name: "SyncJobHangs", severity: "warning", for: "5m", expr: `connector_status_sync_jobs_oldest_seconds{status=~"in_progress|canceling"} > ${day}`,
        when: "a sync job has run for a day",
        then: "look at the job in the console; the connector service may have died while it ran",
      },
    ],
  },
  {
    title: "Changes that wait", unit: "s",
    lines: { "{{consumer}}": "connector_status_outbox_oldest_seconds" },
    alerts: [
      {
        name: "ListsLate", severity: "warning", for: "5m", expr: 'connector_status_outbox_oldest_seconds{consumer="directory"} > 60',
        when: "the Directory does not take changes: lists are late, statuses are not",
        then: "the log says why (`the Directory cannot be told`); it is repeated until it succeeds",
      },
      {
        name: "CopiesLate", severity: "warning", for: "5m", expr: 'connector_status_outbox_oldest_seconds{consumer="kv"} > 300',
        when: "Workers KV does not take writes: `realtime=false` shows old copies, nothing else is affected",
        then: "it is repeated until it succeeds. On the free plan: the day's 1,000 writes are used up",
      },
      {
        name: "WebhookFails", severity: "critical", for: "1m", expr: 'connector_status_outbox_oldest_seconds{consumer=~"WEBHOOK.*"} > 30',
        when: "a webhook's target does not take its messages",
        then: "`npm run webhook -- test` says what it answers, `GET /_connector/{id}/_webhook` what waits. After three days a message is given up",
      },
    ],
  },
  {
    title: "Webhooks", unit: "short",
    lines: {
      "attempts to {{target}}": "increase(connector_status_webhook_attempts_total[5m])",
      "failures of {{target}}": "increase(connector_status_webhook_failures_total[5m])",
      "given up, {{target}}": "increase(connector_status_webhook_given_up_total[5m])",
    },
    alerts: [
      {
        name: "WebhookEnded", severity: "critical", for: "0m", expr: "connector_status_webhook_ended > 0",
        when: "a webhook's target has answered 410 and gets nothing more of some connectors",
        then: "if that was not meant, set its URL anew: see docs/webhooks.md",
      },
      {
        name: "WebhookMisconfigured", severity: "critical", for: "0m", expr: "connector_status_webhook_misconfigured > 0",
        when: "a setting of webhooks is wrong, so a target may get nothing",
        then: "`npm run webhook -- test` says what would be right",
      },
      {
        name: "WebhookGaveUp", severity: "warning", for: "0m", expr: "increase(connector_status_webhook_given_up_total[1h]) > 0",
        when: "messages were given up",
        then: "the log says which (`\"outcome\":\"given_up\"`), the next message how many are missing",
      },
    ],
  },
  {
    title: "Requests that were refused", unit: "reqps",
    lines: { "{{reason}}": "rate(connector_status_refused_total[5m])" },
    alerts: [
      {
        name: "RequestsRefused", severity: "warning", for: "10m", expr: "sum by (reason) (rate(connector_status_refused_total[5m])) > 1",
        when: "somebody asks without a right",
        then: "the log names the key, the reason and the path",
      },
    ],
  },
  {
    title: "Writes that were refused", unit: "reqps",
    lines: { "{{status}}": "rate(connector_status_writes_refused_total[5m])" },
    alerts: [
      {
        name: "WritesRefused", severity: "warning", for: "10m", expr: "sum by (status) (rate(connector_status_writes_refused_total[5m])) > 1",
        when: "more than one write a second is refused",
        then: "the answer says why. 400: the protocol has no such move, or the body is wrong; 404: there is no such connector; 412: somebody else was faster; 503: a part of this service is away",
      },
    ],
  },
  {
    title: "The cluster behind the service", unit: "short",
    lines: { failures: "increase(connector_status_cluster_failures_total[5m])" },
    alerts: [
      {
        name: "ClusterFails", severity: "warning", for: "5m", expr: "increase(connector_status_cluster_failures_total[5m]) > 0",
        when: "the cluster of `ORIGIN` does not answer",
        then: "what is not the Connector API is answered 503 meanwhile; see the cluster",
      },
    ],
  },
  {
    title: "Sockets", unit: "short",
    lines: { open: "connector_status_sockets" },
    alerts: [],
  },
];

const alerts = numbers.flatMap(({ alerts }) => alerts);
const quoted = JSON.stringify;

/** The Prometheus rules. Strings are quoted as JSON, which is valid YAML. */
export function rules() {
  const rule = ({ name, expr, for: time, severity, when, then }) => `      - alert: ConnectorStatus${name}
        expr: ${quoted(expr)}
        for: ${time}
        labels: { severity: ${severity} }
        annotations:
          summary: ${quoted(when)}
          description: ${quoted(then)}
`;
  return `# Made by npm run build:alerts from scripts/build-alerts.mjs.
groups:
  - name: connector-status
    rules:
${alerts.map(rule).join("")}`;
}

/** The Grafana dashboard. */
export function dashboard() {
  const datasource = { type: "prometheus", uid: "${datasource}" };
  const panels = numbers.map(({ title, unit, lines }, n) => ({
    id: n + 1,
    type: "timeseries",
    title,
    datasource,
    gridPos: { h: 8, w: 12, x: (n % 2) * 12, y: Math.floor(n / 2) * 8 },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: Object.entries(lines).map(([legendFormat, expr], m) => ({ refId: String.fromCharCode(65 + m), datasource, expr, legendFormat })),
  }));
  const board = {
    uid: "connector-status",
    title: "connector-status",
    schemaVersion: 39,
    tags: ["connector-status"],
    refresh: "1m",
    time: { from: "now-24h", to: "now" },
    templating: { list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" }] },
    panels,
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

const MARKS = ["<!-- alerts: made by npm run build:alerts -->\n", "<!-- end of alerts -->\n"];

/** The operations page with its table of alerts replaced. */
export function withTable(page) {
  const [before, rest] = page.split(MARKS[0]);
  const [, after] = rest.split(MARKS[1]);
  const escape = (text) => text.replaceAll("|", "\\|");
  const row = ({ name, expr, for: time, when, then }) => `| \`${name}\` | ${when} | \`${escape(expr)}\` | ${time} | ${then} |\n`;
  const table = `| alert | when | expression | for | then |\n|---|---|---|---|---|\n${alerts.map(row).join("")}`;
  return [before, MARKS[0], table, MARKS[1], after].join("");
}

/** Each generated file with its expected content. */
export const files = () => ({
  "docs/alerts.yml": rules(),
  "docs/dashboard.json": dashboard(),
  "docs/operations.md": withTable(readFileSync(join(root, "docs/operations.md"), "utf8")),
});

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  readOptions({ name: "build:alerts", usage: "Usage: npm run build:alerts\n\nMakes docs/alerts.yml, docs/dashboard.json and the table of alerts in docs/operations.md from one list." });
  for (const [file, text] of Object.entries(files())) writeFileSync(join(root, file), text);
}
