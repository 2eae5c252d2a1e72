import { version } from './version';

/**
 * Events are structured log lines for operators and alerts; docs/operations.md explains each. The fields are an
 * allow-list: a field that is not named here cannot reach a log.
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
  repeated?: number;
  reason?: string;
  delayMs?: number;
  ageMs?: number;
  count?: number;
  /** Our own text, never an item's. */
  message?: string;
}

export type EventName =
  | 'windowFetched'
  | 'windowEmpty'
  | 'windowLate'
  | 'batchClosed'
  | 'unbalanced'
  | 'batchBlocked'
  | 'doubtRemains'
  | 'quarantineGrew'
  | 'backlogOld'
  | 'credentialsRejected'
  | 'mappingMissing'
  | 'mappingRefused'
  | 'throttled'
  | 'copyRemoved'
  | 'preflightTest';

export type Emit = (name: EventName, fields: EventFields) => void;

/**
 * The log line of an event: JSON, so that queries can read its fields. Queries and alerts match its start, which is the
 * name as `signal`; the release that wrote it comes last.
 */
export const eventLine = (name: EventName, fields: EventFields): string =>
  JSON.stringify({ signal: name, ...fields, version });
