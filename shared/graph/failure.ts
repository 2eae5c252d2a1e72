import { PermanentError } from '../errors';
import { retryAfterMs as waitAsked } from '../retry-after';

/** What an answer of Graph (or the lack of one) means for the work that was asked for. */
export type Failure =
  /** Time helps. `throttled`: the service itself asked for less. */
  | { kind: 'transient'; retryAfterMs?: number; throttled?: true }
  /** The request as such is refused; another try gets the same answer. */
  | { kind: 'item'; reason: 'rejected' | 'tooLarge' }
  /** This mailbox does not take it; other mailboxes do. `mailboxUnavailable`: there is no usable mailbox. */
  | { kind: 'mailbox'; reason: 'mailboxFull' | 'mailboxUnavailable' | 'accessDenied' }
  /** Nobody's request would pass: credentials, consent, address of the service. */
  | { kind: 'deployment' }
  /** The token is not accepted. */
  | { kind: 'unauthorized' }
  /** The folder, message or attachment is not there (any more). */
  | { kind: 'notFound' }
  /** The upload session is not there (any more). */
  | { kind: 'sessionGone' };

/** What is read of an answer in order to classify it. */
export interface Answer {
  status: number;
  /** `error.code`, then the codes of nested inner errors. */
  codes: string[];
  /** `error.message`; read for the throttling limit's name, never repeated. */
  message: string;
  /** The `Retry-After` header. */
  retryAfter: string | null;
}

const rejected: Failure = { kind: 'item', reason: 'rejected' };
const tooLarge: Failure = { kind: 'item', reason: 'tooLarge' };
const mailboxFull: Failure = { kind: 'mailbox', reason: 'mailboxFull' };
const mailboxUnavailable: Failure = { kind: 'mailbox', reason: 'mailboxUnavailable' };
const accessDenied: Failure = { kind: 'mailbox', reason: 'accessDenied' };
const deployment: Failure = { kind: 'deployment' };
const notFound: Failure = { kind: 'notFound' };
const transient: Failure = { kind: 'transient' };

/**
 * Codes say more than the status, so they are looked at first. Sources: learn.microsoft.com/graph/errors;
 * learn.microsoft.com/graph/throttling-limits (Outlook); Exchange's ResponseCode list
 * (learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode), whose names Graph passes on.
 */
const byCode: Record<string, Failure> = {
  ApplicationThrottled: { kind: 'transient', throttled: true },
  TooManyRequests: { kind: 'transient', throttled: true },
  ErrorServerBusy: { kind: 'transient', throttled: true },
  ErrorExceededConnectionCount: { kind: 'transient', throttled: true },
  ErrorIrresolvableConflict: transient,
  ErrorInternalServerTransientError: transient,
  ErrorMailboxMoveInProgress: transient,
  ErrorMailboxStoreUnavailable: transient,
  ErrorMailboxFailover: transient,
  ErrorTimeoutExpired: transient,
  ErrorConnectionFailed: transient,
  // The front end looks for the mailbox where it no longer is, whatever the status; "likely intermittent" says
  // Microsoft in microsoft-graph-explorer-v4 issue 3143.
  MailboxInfoStale: transient,

  ErrorCorruptData: rejected,
  ErrorInvalidRecipients: rejected,
  ErrorAttachmentSizeLimitExceeded: tooLarge,

  // The limit of one message is the mailbox's: the same item may pass in the next one.
  ErrorMessageSizeExceeded: mailboxFull,
  ErrorQuotaExceeded: mailboxFull,

  MailboxNotEnabledForRESTAPI: mailboxUnavailable,
  MailboxNotSupportedForRESTAPI: mailboxUnavailable,
  MailboxNotHostedInExchangeOnline: mailboxUnavailable,
  ErrorInvalidUser: mailboxUnavailable,
  ErrorNonExistentMailbox: mailboxUnavailable,
  Request_ResourceNotFound: mailboxUnavailable,
  ErrorAccessDenied: accessDenied,

  Authorization_RequestDenied: deployment,
  Authorization_IdentityNotFound: deployment,

  ErrorItemNotFound: notFound,
  ErrorFolderNotFound: notFound,
  ErrorParentFolderNotFound: notFound,
  // An id that was kept and that this mailbox cannot read (a mailbox moved to another tenant) is as good as gone.
  ErrorInvalidIdMalformed: notFound,
  ErrorInvalidId: notFound,
};

const byStatus: Record<number, Failure> = {
  401: { kind: 'unauthorized' },
  403: accessDenied,
  404: notFound,
  408: transient,
  409: transient,
  410: notFound,
  412: transient,
  413: tooLarge,
  423: transient,
  425: transient,
  429: { kind: 'transient', throttled: true },
  501: rejected,
  507: mailboxFull,
};

/**
 * How long to wait where the service throttles and does not say: the limits that count over minutes (uploaded
 * bytes per 5 minutes, requests per 10 minutes) do not free up within seconds; the one on concurrency does.
 */
function unsaidRetryAfterMs(message: string): number | undefined {
  return /over its (IncomingBytes|Request)\w* limit/i.test(message) ? 75_000 : undefined;
}

/** What the answer means. Total: an unknown answer is an item's fault below 500 and the service's from there. */
export function classify(answer: Answer, nowMs: number): Failure {
  const coded = answer.codes.map((code) => (Object.hasOwn(byCode, code) ? byCode[code] : undefined));
  const failure =
    coded.find((known) => known !== undefined) ?? byStatus[answer.status] ?? other(answer.status);
  if (failure.kind !== 'transient') return failure;
  const throttled = failure.throttled ?? answer.retryAfter !== null;
  const retryAfterMs =
    waitAsked(answer.retryAfter, nowMs) ?? (throttled ? unsaidRetryAfterMs(answer.message) : undefined);
  return {
    kind: 'transient',
    ...(throttled && { throttled: true }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function other(status: number): Failure {
  if (status >= 500) return transient;
  // A redirect, or no HTTP meaning at all: something else answers at the configured address.
  return status >= 400 ? rejected : deployment;
}

/**
 * The same for the address of an upload session. It needs no token and knows one file alone, so what would
 * elsewhere be said of the app or the item means here that the session is over or out of step: a new one mends it.
 */
export function classifyUpload(answer: Answer, nowMs: number): Failure {
  const failure = classify(answer, nowMs);
  const isFull = 'reason' in failure && (failure.reason === 'mailboxFull' || failure.reason === 'tooLarge');
  return failure.kind === 'transient' || isFull || answer.status < 400 ? failure : { kind: 'sessionGone' };
}

/**
 * Whether a "not found" says what is missing: Exchange's own codes do. Any other one can be the answer of a moment,
 * of a gateway that did not find the mailbox, or of a cloud that does not know the address.
 */
export const namesWhatIsMissing = (codes: readonly string[]): boolean =>
  codes.some((code) => code.startsWith('Error'));

/** A "not found" to try again before it is believed: any, or only one that does not say what is missing. */
export type Doubt = 'any' | 'unnamed';

/** Whether a "not found" with these codes is one of those. */
export const isDoubted = (failure: Failure, codes: readonly string[], doubt?: Doubt): boolean =>
  failure.kind === 'notFound' && (doubt === 'any' || (doubt === 'unnamed' && !namesWhatIsMissing(codes)));

/** Refusals that come before anything is done: what was asked for has certainly not taken effect. */
export function hadNoEffect(answer: Answer): boolean {
  const throttled = answer.codes.some(
    (code) => code === 'ApplicationThrottled' || code === 'TooManyRequests',
  );
  return (answer.status < 500 && answer.status !== 408) || throttled || answer.status === 507;
}

/** Error codes of a connection that never came about: no byte of the request was sent. */
const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when the error code of a failed connection proves that nothing was sent. */
export const wasNeverSent = (code: string): boolean => neverConnected.has(code);

/** Thrown where Graph refused a request, or failed it until the tries were used up. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  constructor(
    readonly failure: Failure,
    /** 0 when there was no answer. */
    readonly status: number,
    readonly codes: readonly string[],
    /** An earlier try of the same call ended without a known outcome and may have taken effect. */
    readonly afterUnknown: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** True when Graph says that the folder, message or attachment asked for is not there (any more). */
export const isGone = (error: unknown): error is RefusedError =>
  error instanceof RefusedError && error.failure.kind === 'notFound' && namesWhatIsMissing(error.codes);

/** Thrown where a request that must not be sent twice may have taken effect: look before trying again. */
export class UncertainError extends Error {
  override readonly name = 'UncertainError';
  constructor(
    message: string,
    options: ErrorOptions = {},
    /** How long the service wants to be left alone, when it said so. */
    readonly retryAfterMs?: number,
  ) {
    super(message, options);
  }
}

/** The error for the pipeline: a refusal that no retry can help becomes a `PermanentError`, all else stays as it is. */
export function settled(error: unknown): unknown {
  if (!(error instanceof RefusedError)) return error;
  const { failure } = error;
  if (failure.kind === 'item' || failure.kind === 'mailbox') {
    return new PermanentError(failure.reason, error.message, { cause: error });
  }
  return error;
}
