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
        when: "connector-status rejects the scrape or does not answer",
        then: "Prometheus' targets page shows the response. 401: the scrape's key has expired or was revoked; create a new one with `npm run key`. Otherwise check Cloudflare's status and `npx wrangler tail`",
      },
      {
        name: "DirectoryAway", severity: "critical", for: "5m", expr: "connector_status_directory_up == 0",
        when: "the Directory does not answer",
        then: "writes continue; lists and new index names do not. Check Cloudflare's status and the log (`npx wrangler tail`)",
      },
      {
        name: "NumbersAbsent", severity: "warning", for: "10m", expr: "absent(connector_status_connectors)",
        when: "there are no metrics of connectors, so no other alert can fire",
        then: "see the two alerts above. If neither fires, Prometheus does not scrape the service",
      },
      {
        name: "ScrapeKeyEnds", severity: "warning", for: "0m", expr: `connector_status_key_expires_timestamp_seconds - time() < ${7 * day}`,
        when: "the scrape's key expires within a week",
        then: "create a new key with `npm run key` and give it to Prometheus",
      },
    ],
  },
  {
    title: "Keys that expire within a week", unit: "short",
    lines: { keys: "connector_status_keys_ending" },
    alerts: [
      {
        name: "KeysEnd", severity: "warning", for: "0m", expr: "connector_status_keys_ending > 0",
        when: "keys expire within a week",
        then: "`npm run key -- list --remote` shows them and when each was last used. Create new ones, or let them expire",
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
        when: "there was no complete backup in the last two days",
        then: "`npm run backup -- --url ... --to ...` makes one, or says what is wrong",
      },
    ],
  },
  {
    title: "Connectors by status", unit: "short",
    lines: { "{{status}}": "connector_status_connectors" },
    alerts: [
      {
        name: "ConnectorFailed", severity: "warning", for: "0m", expr: "time() - connector_status_newest_error_timestamp_seconds < 300",
        when: "a connector has failed in the last five minutes, whether or not others are failing",
        then: "in the console, filter by error, newest first. Each connector shows why, and its history since when",
      },
      {
        name: "ConnectorsFailing", severity: "warning", for: "1h", expr: 'connector_status_connectors{status="error"} > 0',
        when: "connectors have been failing for an hour",
        then: "the console groups them by cause",
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
        then: "the connector service is down or cannot reach this service. Check it first",
      },
      {
        name: "ConnectorsNeverSeen", severity: "info", for: "1d", expr: "connector_status_never_seen_connectors > 0",
        when: "connectors have never checked in",
        then: "no connector service is configured for them, or it uses another address",
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
        when: "a sync job has been pending for an hour",
        then: "the connector service does not claim jobs. Check that it runs and supports this service type",
      },
      {
        name: "SyncJobHangs", severity: "warning", for: "5m", expr: `connector_status_sync_jobs_oldest_seconds{status=~"in_progress|canceling"} > ${day}`,
        when: "a sync job has run for a day",
        then: "see the job in the console. The connector service may have stopped while it ran",
      },
    ],
  },
  {
    title: "Lag", unit: "s",
    lines: { "{{consumer}}": "connector_status_outbox_oldest_seconds" },
    alerts: [
      {
        name: "ListsLate", severity: "warning", for: "5m", expr: 'connector_status_outbox_oldest_seconds{consumer="directory"} > 60',
        when: "the Directory does not accept changes: lists lag, statuses do not",
        then: "the log says why (`the Directory cannot be notified`). It is retried until it succeeds",
      },
      {
        name: "CopiesLate", severity: "warning", for: "5m", expr: 'connector_status_outbox_oldest_seconds{consumer="kv"} > 300',
        when: "Workers KV does not accept writes: `realtime=false` shows old copies, nothing else is affected",
        then: "it is retried until it succeeds. On the free plan, the day's 1,000 writes may be used up",
      },
      {
        name: "WebhookFails", severity: "critical", for: "1m", expr: 'connector_status_outbox_oldest_seconds{consumer=~"WEBHOOK.*"} > 30',
        when: "a webhook's endpoint does not accept its messages",
        then: "`npm run webhook -- test` shows its response, `GET /_connector/{id}/_webhook` what is pending. Messages are given up after three days",
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
        when: "a webhook's endpoint answered 410 and is disabled for some connectors",
        then: "to enable it again, change its URL: see docs/webhooks.md",
      },
      {
        name: "WebhookMisconfigured", severity: "critical", for: "0m", expr: "connector_status_webhook_misconfigured > 0",
        when: "a webhook setting is invalid, so an endpoint may get nothing",
        then: "`npm run webhook -- test` says what would be valid",
      },
      {
        name: "WebhookGaveUp", severity: "warning", for: "0m", expr: "increase(connector_status_webhook_given_up_total[1h]) > 0",
        when: "messages were given up",
        then: "the log shows them (`\"outcome\":\"given_up\"`), and the next message how many are missing",
      },
    ],
  },
  {
    title: "Refused requests", unit: "reqps",
    lines: { "{{reason}}": "rate(connector_status_refused_total[5m])" },
    alerts: [
      {
        name: "RequestsRefused", severity: "warning", for: "10m", expr: "sum by (reason) (rate(connector_status_refused_total[5m])) > 1",
        when: "requests fail authentication or authorization",
        then: "the log names the key, the reason and the path",
      },
    ],
  },
  {
    title: "Rejected writes", unit: "reqps",
    lines: { "{{status}}": "rate(connector_status_writes_refused_total[5m])" },
    alerts: [
      {
        name: "WritesRefused", severity: "warning", for: "10m", expr: "sum by (status) (rate(connector_status_writes_refused_total[5m])) > 1",
        when: "more than one write a second is rejected",
        then: "see the status code. 400: a move that the protocol forbids, or an invalid body; 404: no such connector; 412: the connector was changed in the meantime; 503: a part of this service is unavailable",
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
        then: "requests that pass through get 503. Check the cluster",
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
