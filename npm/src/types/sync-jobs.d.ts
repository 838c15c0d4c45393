/** The status of a sync job. */
export type SyncJobStatus =
  | "pending"
  | "in_progress"
  | "canceling"
  | "canceled"
  | "suspended"
  | "completed"
  | "error";

/** What a sync job reads: everything, what has changed, or permissions. */
export type SyncJobType = "full" | "incremental" | "access_control";

/** Whether a sync job was requested, or created by the schedule. */
export type SyncJobTriggerMethod = "on_demand" | "scheduled";

/** A sync job as `GET /_connector/_sync_job/{id}` shows it. */
export interface SyncJob {
  id: string;
  status: SyncJobStatus;
  job_type: SyncJobType;
  trigger_method: SyncJobTriggerMethod;
  /** The connector's fields that the job needs, as they were when the job was created. */
  connector: {
    id: string;
    configuration?: Record<string, unknown> | null;
    filtering?: unknown;
    index_name?: string | null;
    language?: string | null;
    pipeline?: Record<string, unknown> | null;
    service_type?: string | null;
    sync_cursor?: Record<string, unknown> | null;
  };
  created_at: string;
  last_seen?: string | null;
  started_at?: string | null;
  completed_at?: string | null;
  cancelation_requested_at?: string | null;
  canceled_at?: string | null;
  worker_hostname?: string | null;
  error?: string | null;
  total_document_count?: number | null;
  indexed_document_count?: number | null;
  indexed_document_volume?: number | null;
  deleted_document_count?: number | null;
  metadata?: Record<string, unknown> | null;
}

/** All statuses, in the order in which a sync job usually goes through them. */
export declare const statuses: readonly SyncJobStatus[];

/** Who sets each status, and when, in a few words. */
export declare const movers: Readonly<
  Record<SyncJobStatus, { readonly who: "connector" | "user" | "nobody"; readonly when: string }>
>;

/** Whether a value is the name of a status of sync jobs. */
export declare function isSyncJobStatus(value: unknown): value is SyncJobStatus;

/**
 * The statuses that a sync job may move to from `from`.
 *
 * @throws {TypeError} if it is not a status.
 * @example
 * nextStatuses("suspended"); // ["in_progress", "canceled"]
 */
export declare function nextStatuses(from: SyncJobStatus): readonly SyncJobStatus[];

/**
 * Whether a sync job in this status has ended.
 *
 * @throws {TypeError} if it is not a status.
 * @example
 * isFinal("completed"); // true
 */
export declare function isFinal(status: SyncJobStatus): boolean;

/**
 * Whether a sync job may move from `from` to `to`.
 *
 * @throws {TypeError} if one of them is not a status.
 * @example
 * isValidTransition("in_progress", "completed"); // true
 * isValidTransition("pending", "completed"); // false
 */
export declare function isValidTransition(from: SyncJobStatus, to: SyncJobStatus): boolean;

/**
 * Why a sync job may not move from `from` to `to`, in Elasticsearch's own words; `undefined` if it
 * may.
 *
 * @throws {TypeError} if one of them is not a status.
 * @example
 * explainTransition("pending", "completed");
 * // "Invalid transition attempt from [pending] to [completed]. Such a ConnectorSyncStatus transition
 * // is not supported by the Connector Protocol."
 */
export declare function explainTransition(
  from: SyncJobStatus,
  to: SyncJobStatus,
): string | undefined;

/**
 * Throws if a sync job may not move from `from` to `to`.
 *
 * @throws {InvalidTransitionError} if it may not.
 * @throws {TypeError} if one of them is not a status.
 * @example
 * assertTransition("pending", "completed"); // throws
 */
export declare function assertTransition(from: SyncJobStatus, to: SyncJobStatus): void;

/** A move that the Connector Protocol doesn't allow. All entry points throw the same class. */
export declare class InvalidTransitionError extends Error {
  private constructor();
  readonly name: "InvalidTransitionError";
  /** The sync job's status. */
  readonly from: SyncJobStatus;
  /** The status that was asked for. */
  readonly to: SyncJobStatus;
  /** The statuses that `from` may move to. */
  readonly allowed: readonly SyncJobStatus[];
}
