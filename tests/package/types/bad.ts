// TypeScript must reject each marked line below.

import {
  InvalidTransitionError,
  isValidTransition,
  nextStatuses,
  statuses,
  type ConnectorStatus,
} from "connector-status";
import { connectorStatus, transitionOptions } from "connector-status/client";
import { preview } from "connector-status/preview";
import { init } from "connector-status/slim";
import { observe } from "connector-status/store";

isValidTransition("created", "CONNECTED"); // refused
isValidTransition("created"); // refused
isValidTransition("created", null); // refused
isValidTransition("created", "error" as string); // refused
statuses.push("error"); // refused
nextStatuses("created").push("connected"); // refused
const status: ConnectorStatus = "paused"; // refused
new InvalidTransitionError(); // refused
connectorStatus({}); // refused
connectorStatus({ url: "" }).update("a", "finished"); // refused
connectorStatus({ url: "" }).get("a").status; // refused
connectorStatus({ url: "" }).create({ status: "connected" }); // refused
connectorStatus({ url: "" }).create({}, { ifNoneMatch: '"1"' }); // refused
connectorStatus({ url: "" }).list({ status: "failed" }); // refused
connectorStatus({ url: "" }).summary({ sort: "age" }); // refused
connectorStatus({ url: "" }).syncJobs.create({ job_type: "full" }); // refused
transitionOptions("created")[0]?.reason.length; // refused
observe(connectorStatus({ url: "" }), "a").get().value.status; // refused
connectorStatus({ url: "" }).watch({ id: 3 }); // refused
connectorStatus({ url: "" }).watch({ since: 3 }); // refused
preview({ id: "a" }, { method: "GET", path: "/" }); // refused
init("connector_status.wasm"); // refused
export { status };
