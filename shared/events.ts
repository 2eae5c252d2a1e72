/**
 * One structured log line per event that an operator or an alert needs; docs/operations.md says what each means.
 * The fields are an allow-list: a field that is not named here cannot reach a log.
 */
export interface EventFields {
  connector?: string;
  run?: string;
  from?: string;
  to?: string;
  batch?: number;
  position?: number;
  batches?: number;
  items?: number;
  delivered?: number;
  failed?: number;
  imported?: number;
  skipped?: number;
  quarantined?: number;
  reason?: string;
  delayMs?: number;
  ageMs?: number;
  count?: number;
  /** Text of ours, never of an item. */
  message?: string;
}

export type EventName =
  | 'windowFetched'
  | 'windowEmpty'
  | 'windowLate'
  | 'batchClosed'
  | 'unbalanced'
  | 'quarantineGrew'
  | 'backlogOld'
  | 'credentialsRejected'
  | 'throttled'
  | 'copyRemoved'
  | 'preflightTest';

export type Emit = (name: EventName, fields: EventFields) => void;

/** The log line of an event: JSON, so that a query can read its fields. Queries and alerts ask for the name "signal". */
export const eventLine = (name: EventName, fields: EventFields): string =>
  JSON.stringify({ signal: name, ...fields });
