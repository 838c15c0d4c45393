// What the module asks of the runtime. Crossing from WebAssembly to JavaScript costs more than what is
// done there, so what goes together crosses together.

/**
 * Status and headers that many responses have in common, by their text. There are some dozens of them, and
 * Headers that have been made already are a good deal cheaper than a plain object.
 */
const common = new Map();

/**
 * A response from its text: the status and what it has in common with others, a line each; an empty line;
 * headers of its own, a line each; an empty line; the body.
 */
export function respond(text) {
  const end = text.indexOf("\n\n");
  const head = text.slice(0, end);
  let init = common.get(head);
  if (init === undefined) common.set(head, (init = initOf(head)));
  let at = end + 2;
  const own = [];
  while (text[at] !== "\n") {
    const next = text.indexOf("\n", at);
    own.push(pair(text.slice(at, next)));
    at = next + 1;
  }
  const response = new Response(text.slice(at + 1) || null, init);
  for (const [name, value] of own) response.headers.set(name, value);
  return response;
}

function initOf(head) {
  const [status, ...lines] = head.split("\n");
  return { status: Number(status), headers: new Headers(lines.map(pair)) };
}

function pair(line) {
  const colon = line.indexOf(": ");
  return [line.slice(0, colon), line.slice(colon + 2)];
}

/** The response of a connector's object to a message whose first line is the connector's id. */
export function carryOut(env, message) {
  const id = message.slice(0, message.indexOf("\n"));
  return env.CONNECTOR.getByName(id).carryOut(message).then(respond, (cause) => {
    throw Object.assign(new Error(`object [${id}] did not answer`, { cause }), { name: "Unanswered" });
  });
}

/** Does the object of that connector hold that index, or is it about to? */
export const holds = (env, id, index) => env.CONNECTOR.getByName(id).holds(id, index);

/** May that connector hold that index? */
export const claim = (env, index, id) => env.INDEX_CLAIM.getByName(index).claim(index, id);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Settles with a promise, or after that time. */
export function within(promise, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

// What the task that was polled last waits for, and how that ended. Each is taken up at once, before
// anything else can run.
let awaited;
let settled;

export function suspend(promise) {
  awaited = promise;
}

export function resume() {
  return settled();
}

/** The outcome of a task that waits. */
export async function finish(task) {
  for (;;) {
    const promise = awaited;
    try {
      const value = await promise;
      settled = () => value;
    } catch (error) {
      settled = () => {
        throw error;
      };
    }
    const outcome = poll(task);
    if (outcome !== undefined) {
      task.free();
      return outcome;
    }
  }
}

function poll(task) {
  try {
    return task.poll();
  } catch (error) {
    // After a trap the next call makes a new instance of the module, see the shim of worker-build.
    if (error instanceof WebAssembly.RuntimeError) globalThis.__worker_init_state.criticalError = true;
    throw error;
  }
}
