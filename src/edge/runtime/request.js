// Reads a request for the module: what goes together crosses together, and crosses once.

/** How many times the limit is read of a body that is too long, so that the client sees 413 instead of a reset. */
const DRAIN_FACTOR = 8;

const strict = new TextDecoder("utf-8", { fatal: true });

/**
 * `[head, body]`: the head as JSON, the body as text of at most `limit` bytes (`backupLimit`, if it is a backup),
 * `undefined` if there is none. Names in the head are those that request.rs asks for; what is absent is left out.
 * `ctx.access`: what Cloudflare Access says of the request, where it stands in front. `validUpTo` tells how many bytes of
 * a body are UTF-8, `isForeign` whether a URL is the cluster's behind this Worker: the body is left for it.
 */
export async function readRequest(request, env, ctx, { limit, backupLimit, validUpTo, isForeign }) {
  const { method, url, headers } = request;
  const { ANONYMOUS_PRIVILEGE, ACCESS_PRIVILEGE, ACCESS_EMAILS, CORS_ORIGINS, ALLOWED_HOSTS, WRITE_LIMIT, ORIGIN } = env;
  const reads = method === "GET" || method === "HEAD";
  // Each look at a header costs: none is asked for where it cannot matter.
  const header = (name, matters) => (matters ? (headers.get(name) ?? undefined) : undefined);
  const forCluster = ORIGIN && {
    cluster: ORIGIN,
    passes: isForeign(url) || undefined,
    via: header("via", true),
    forwarded_for: header("x-forwarded-for", true),
    address: header("cf-connecting-ip", true),
  };
  if (forCluster?.passes) return [JSON.stringify({ method, url, ...forCluster })];
  const announced = headers.get("content-length");
  const mayWatch = method === "GET" && url.includes("/_watch");
  const { body, problem, problem_at } = hasBody(request, announced)
    ? await readBody(request, announced, isBackup(url) ? backupLimit : limit, validUpTo)
    : {};
  const authorization = header("authorization", true);
  const isSignedIn = ACCESS_PRIVILEGE && !authorization && ctx.access;
  const { email, access_problem } = isSignedIn ? await identityOf(ctx.access) : {};
  const head = {
    method,
    url,
    problem,
    problem_at,
    anonymous_privilege: ANONYMOUS_PRIVILEGE,
    cors_origins: CORS_ORIGINS || undefined,
    allowed_hosts: ALLOWED_HOSTS || undefined,
    counts_writes: WRITE_LIMIT !== undefined || undefined,
    accept: header("accept", true),
    content_type: header("content-type", body !== undefined),
    if_match: header("if-match", !reads),
    if_none_match: header("if-none-match", true),
    access_privilege: isSignedIn ? ACCESS_PRIVILEGE : undefined,
    access_emails: isSignedIn ? ACCESS_EMAILS || undefined : undefined,
    email,
    access_problem,
    authorization,
    origin: header("origin", CORS_ORIGINS || !reads || mayWatch),
    upgrade: header("upgrade", mayWatch),
    sec_fetch_site: header("sec-fetch-site", !reads),
    opaque_id: header("x-opaque-id", true) || undefined,
    ray: header("cf-ray", true),
    address: header("cf-connecting-ip", WRITE_LIMIT !== undefined),
    preflight_method: header("access-control-request-method", method === "OPTIONS"),
    ...forCluster,
  };
  return [JSON.stringify(head), body];
}

/** How long Cloudflare Access may take to say who has signed in. */
const ACCESS_LIMIT_MS = 2_000;

/** The e-mail address of whoever has signed in, if Access knows one (it has none of a service token), or why it does not say. */
async function identityOf(access) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ACCESS_LIMIT_MS} ms`)), ACCESS_LIMIT_MS);
  });
  try {
    const email = (await Promise.race([access.getIdentity(), late]))?.email;
    return typeof email === "string" ? { email: email.trim() || undefined } : {};
  } catch (error) {
    return { access_problem: String(error?.message ?? error) };
  } finally {
    clearTimeout(timer);
  }
}

const isBackup = (url) => url.includes("/_backup") && url.split("?", 1)[0].endsWith("/_backup");

/** To look at the stream costs more than to look at a header. */
const hasBody = (request, announced) =>
  announced === null ? request.body !== null : announced !== "0";

async function readBody(request, announced, limit, validUpTo) {
  const encoding = request.headers.get("content-encoding");
  if (encoding && !/^(gzip|identity)$/i.test(encoding)) return { problem: "encoding", problem_at: encoding };
  const isGzip = encoding && encoding.toLowerCase() === "gzip";
  let bytes;
  try {
    if (isGzip) bytes = await readPieces(request.body.pipeThrough(new DecompressionStream("gzip")), limit, limit);
    else if (announced !== null && Number(announced) <= limit) bytes = await request.arrayBuffer();
    else bytes = await readPieces(request.body, limit, limit * DRAIN_FACTOR);
  } catch {
    return { problem: isGzip ? "not gzip" : "cut off" };
  }
  if (bytes === undefined) return { problem: "too long", problem_at: String(limit) };
  try {
    return { body: strict.decode(bytes) };
  } catch {
    return { problem: "not UTF-8", problem_at: String(validUpTo(new Uint8Array(bytes))) };
  }
}

/** The bytes of a stream; `undefined` if there are more than `limit`. Of those, no more than `most` are read. */
async function readPieces(stream, limit, most) {
  const pieces = [];
  let size = 0;
  for await (const piece of stream) {
    size += piece.byteLength;
    if (size <= limit) pieces.push(piece);
    if (size > most) break;
  }
  return size > limit ? undefined : new Blob(pieces).arrayBuffer();
}
