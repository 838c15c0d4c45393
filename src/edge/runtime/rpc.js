// Calls from the Worker to its objects, and between objects.

import { respond } from "./response.js";

/** The one object that all connectors report to. */
const DIRECTORY = "directory";

const connector = (env, id) => env.CONNECTOR.getByName(id);
const directory = (env) => env.DIRECTORY.getByName(DIRECTORY);

/** To be told from errors of the Worker itself. */
function unanswered(what) {
  return (cause) => {
    throw Object.assign(new Error(`${what} did not answer`, { cause }), { name: "Unanswered" });
  };
}

export const handleConnector = (env, id, message, body) =>
  connector(env, id).handle(message, body).then(respond).catch(unanswered(`the object of connector [${id}]`));

export const handleDirectory = (env, message, body) =>
  directory(env).handle(message, body).then(respond).catch(unanswered("the Directory"));

/** A method cannot give a socket to a Worker, the response to a request can. */
export const watchDirectory = (env, message) =>
  directory(env)
    .fetch(`https://directory/?${new URLSearchParams({ message })}`, { headers: { upgrade: "websocket" } })
    .catch(unanswered("the Directory"));

export const applyEntry = (env, entry, document) => directory(env).apply(entry, document);

export const applyJobs = (env, jobs) => directory(env).applyJobs(jobs);

export const notifyDirectory = (env, message) => directory(env).notify(message);

export const reportBehind = (env, report) => directory(env).report(report);

export const claimIndex = (env, claim) => directory(env).claim(claim);

export const releaseIndex = (env, claim) => directory(env).release(claim);

export const currentEntry = (env, id, index) => connector(env, id).current(id, index);
