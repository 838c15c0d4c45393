// Three hundred connectors after a bad night: 28 have failed, 13 are silent.

const kinds = ["google_drive", "sharepoint_online", "jira", "confluence", "postgresql", "mysql", "s3", "salesforce", "gmail", "notion"];
const teams = ["Sales", "Support", "Legal", "Finance", "Intranet", "Engineering", "Human resources", "Marketing", "Field operations", "Research"];
const places = ["Berlin", "Lisbon", "Oslo", "Toronto", "Osaka", "Nairobi"];

const traceback = (n) => `Traceback (most recent call last):
  File "/app/connectors/sync_job_runner.py", line ${200 + n}, in execute
    await self.data_provider.ping()
  File "/app/connectors/sources/jira.py", line ${n}, in ping
    await self.jira_client.ping()
aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host jira-${n}.internal:443 ssl:default [Connect call failed ('10.0.${n}.7', 443)]`;

/** The errors of failing connectors: how many, and the text of the nth. */
const failures = [
  [11, traceback],
  [8, (n) => `{"error":{"code":401,"message":"Request had invalid authentication credentials for user ${1_000 + n}.","status":"UNAUTHENTICATED"}}`],
  [6, (n) => `HTTP 429 from https://api.example.com/v1/items?page=${n}: rate limit exceeded, retried ${n} times`],
  [3, (n) => `Index search-${n} has reached 10000${n} documents, which is more than the licence allows`],
];
const errors = failures.flatMap(([count, text]) => Array.from({ length: count }, (_, n) => text(n + 1)));

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

/** `[id, document]` of `count` connectors, ready to import. */
export function fleet(count = 300) {
  return Array.from({ length: count }, (_, n) => {
    const [kind, team, place] = [kinds[(n + Math.floor(n / 10)) % 10], teams[Math.floor(n / 10) % 10], places[n % 6]];
    const id = `${team.toLowerCase().replaceAll(" ", "-")}-${kind.replaceAll("_", "-")}-${String(n).padStart(3, "0")}`;
    const failing = n % 10 === 3 && n / 10 < errors.length ? errors[Math.floor(n / 10)] : undefined;
    const silent = n % 23 === 5;
    const status = failing ? "error" : n % 41 === 7 ? "needs_configuration" : n % 59 === 11 ? "configured" : n % 97 === 20 ? "created" : "connected";
    return [id, {
      status,
      name: `${team} ${place} ${kind.replaceAll("_", " ")}`,
      index_name: `search-${id}`,
      service_type: kind,
      ...(failing && { error: failing }),
      ...(status !== "created" && { last_seen: ago(silent ? 60 * 24 * (1 + (n % 4)) : n % 5) }),
      ...(status !== "created" && { last_synced: ago(30 + n), last_sync_status: failing ? "error" : "completed", last_indexed_document_count: 17 * n }),
    }];
  });
}
