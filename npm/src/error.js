// In their own file, so that all entry points share the classes.

export class InvalidTransitionError extends Error {
  constructor(reason, from, to, allowed) {
    super(reason);
    this.name = "InvalidTransitionError";
    this.from = from;
    this.to = to;
    this.allowed = allowed;
  }
}

export class ConnectorApiError extends Error {
  constructor(status, type, reason, options) {
    super(reason, options);
    this.name = "ConnectorApiError";
    this.status = status;
    this.type = type;
    this.reason = reason;
  }
}
