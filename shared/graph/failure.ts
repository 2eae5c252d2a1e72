import { DeploymentError, PermanentError, PutOffError } from '../errors';
import { retryAfterMs as parseRetryAfter } from '../retry-after';

/**
 * What an answer of Microsoft Graph means, or the lack of one. A try that fails is classified by its error codes and
 * its status (`classify`); a refusal of the whole deployment becomes a `DeploymentError`, and throttling or an outage
 * that outlasts the call a `PutOffError`, so that neither ever fails an item (`finalError`, `lastError`). A refusal of
 * the item or of its mailbox leaves this room as a `PermanentError`, which means quarantine (`toPermanentError`).
 * Everything else stays a plain error, and the Functions host tries the item again, five times in all.
 */
export type Failure =
  /** Another try may succeed. `throttled`: the service asks for fewer requests. */
  | { kind: 'transient'; retryAfterMs?: number; throttled?: true }
  /** The service refuses what the request says; another try gets the same answer. */
  | { kind: 'item'; reason: 'rejected' | 'tooLarge' }
  /** This mailbox refuses; other mailboxes may not. `mailboxUnavailable`: the user has no usable mailbox. */
  | { kind: 'mailbox'; reason: 'mailboxFull' | 'mailboxUnavailable' | 'accessDenied' }
  /** Every request would be refused: credentials, consent or the service's address are wrong. */
  | { kind: 'deployment' }
  /** The service does not accept the token. */
  | { kind: 'unauthorized' }
  /** The folder, message or attachment does not exist. */
  | { kind: 'notFound' }
  /** The upload session has ended. */
  | { kind: 'sessionGone' };

/** The parts of an answer that classify it. */
export interface Answer {
  status: number;
  /** `error.code`, then the codes of nested inner errors. */
  codes: readonly string[];
  /** `error.message`: read for the name of the throttling limit, never repeated. */
  message: string;
  /** The `Retry-After` header. */
  retryAfter: string | null;
  /** The `request-id` header; Microsoft's support asks for it. */
  requestId: string;
}

/** One try of a call that did not succeed. */
export interface FailedTry {
  failure: Failure;
  /** 0 when there was no answer. */
  status: number;
  /** Error codes of the answer, outermost first; when there was none, the code of the connection's error. */
  codes: readonly string[];
  /** For error texts: what was being done, status, code and request id, and nothing of the item, user or address. */
  text: string;
}

/** Thrown when Graph refuses a request, or when every try of it failed. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly failure: Failure;
  /** 0 when there was no answer. */
  readonly status: number;
  readonly codes: readonly string[];
  constructor(
    { failure, status, codes, text }: FailedTry,
    /** True when a try of this call may have taken effect, although none succeeded. */
    readonly mayHaveTakenEffect: boolean,
  ) {
    super(text);
    this.failure = failure;
    this.status = status;
    this.codes = codes;
  }
}

/** Thrown when a request that must not be sent twice may have taken effect: look in the mailbox before trying again. */
export class UncertainError extends Error {
  override readonly name = 'UncertainError';
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
 * A code says more than the status, so it decides where it is known. Sources: learn.microsoft.com/graph/errors;
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
  // Comes with any status while the front end still looks for the mailbox where it was before a move; "likely
  // intermittent", says Microsoft in microsoft-graph-explorer-v4 issue 3143.
  MailboxInfoStale: transient,

  ErrorCorruptData: rejected,
  ErrorInvalidRecipients: rejected,
  ErrorAttachmentSizeLimitExceeded: tooLarge,

  // Each mailbox has its own limit for one message: the next one may take the same item.
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
  // This mailbox cannot read an id that was stored, for example after a move to another tenant: what it named is lost.
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
 * How long to wait, in ms, when the service throttles without naming a time. The limits that count over minutes
 * (uploaded bytes per 5 minutes, requests per 10 minutes) do not clear within seconds; the one on concurrency does.
 */
function unnamedWaitMs(message: string): number | undefined {
  return /over its (IncomingBytes|Request)\w* limit/i.test(message) ? 75_000 : undefined;
}

/** What an answer means. An unknown one blames the request when its status is below 500, and the service otherwise. */
export function classify(answer: Answer, nowMs: number): Failure {
  const coded = answer.codes.map((code) => (Object.hasOwn(byCode, code) ? byCode[code] : undefined));
  const failure =
    coded.find((known) => known !== undefined) ?? byStatus[answer.status] ?? byStatusClass(answer.status);
  if (failure.kind !== 'transient') return failure;
  const throttled = failure.throttled ?? answer.retryAfter !== null;
  const retryAfterMs =
    parseRetryAfter(answer.retryAfter, nowMs) ?? (throttled ? unnamedWaitMs(answer.message) : undefined);
  return {
    kind: 'transient',
    ...(throttled && { throttled: true }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

function byStatusClass(status: number): Failure {
  if (status >= 500) return transient;
  // A redirect, or a status that means nothing here: another service answers at the configured address.
  return status >= 400 ? rejected : deployment;
}

/**
 * What an answer from the address of an upload session means. The request carries no token and names nothing
 * but the session, so a refusal does not concern the app or the item: the session has ended or is out of step.
 */
export function classifyUpload(answer: Answer, nowMs: number): Failure {
  const failure = classify(answer, nowMs);
  const isFull = 'reason' in failure && (failure.reason === 'mailboxFull' || failure.reason === 'tooLarge');
  return failure.kind === 'transient' || isFull || answer.status < 400 ? failure : { kind: 'sessionGone' };
}

/** Describes a try that brought an answer other than success, or only the error code of its connection. */
export function failedTry(
  received: { answered: true; answer: Answer } | { answered: false; code: string },
  call: { doing: string; uploading: boolean },
  nowMs: number,
): FailedTry {
  const { doing, uploading } = call;
  if (!received.answered) {
    const { code } = received;
    return { failure: transient, status: 0, codes: [code], text: `${doing}: no answer (${code})` };
  }
  const { answer } = received;
  const { status, codes } = answer;
  const id = /^[\w-]{1,64}$/.test(answer.requestId) ? `, request-id ${answer.requestId}` : '';
  return {
    failure: (uploading ? classifyUpload : classify)(answer, nowMs),
    status,
    codes,
    text: `${doing}: ${status} ${codes[0] ?? 'without a code'}${id}`,
  };
}

/** Error codes of a connection that was never made: no byte of the request was sent. */
const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True when the request certainly changed nothing: it was never sent, or it was refused before anything was done. */
export function hadNoEffect({ status, codes }: Pick<FailedTry, 'status' | 'codes'>): boolean {
  if (status === 0) return codes.some((code) => neverConnected.has(code));
  const throttled = codes.some((code) => code === 'ApplicationThrottled' || code === 'TooManyRequests');
  return (status < 500 && status !== 408) || throttled || status === 507;
}

/**
 * Exchange's own codes say what is missing. A 404 with any other code can be a passing state, a gateway that did not
 * find the mailbox, or a cloud that does not have the route.
 */
const namesWhatIsMissing = (codes: readonly string[]) => codes.some((code) => code.startsWith('Error'));

/** Which "not found" is tried again before it is believed: any, or only one that does not name what is missing. */
export type RetryNotFound = 'always' | 'unlessNamed';

/**
 * The error that ends a call after this try, whatever tries remain; undefined when another try may succeed.
 * `repeatable`: the request may be sent again although an earlier one may have taken effect. `uncertain`: an earlier
 * try may have taken effect.
 */
export function finalError(
  failed: FailedTry,
  call: { repeatable: boolean; retryNotFound?: RetryNotFound | undefined; uncertain: boolean },
): Error | undefined {
  const { failure, codes, text } = failed;
  if (failure.kind === 'deployment' || failure.kind === 'unauthorized')
    return new DeploymentError(`${text}; refused for the whole app`);
  const isRetried =
    failure.kind === 'transient' ||
    (failure.kind === 'notFound' &&
      (call.retryNotFound === 'always' ||
        (call.retryNotFound === 'unlessNamed' && !namesWhatIsMissing(codes))));
  if (!isRetried) return new RefusedError(failed, call.uncertain);
  if (!call.repeatable && !hadNoEffect(failed))
    return new UncertainError(`${text}; it may have taken effect`);
  return undefined;
}

/**
 * The error when no further try is made: the wait before it would be too long for this process, or tries or time are
 * used up. An outage puts the work off even then, because five failures would send a sound item to quarantine.
 */
export function lastError(
  failed: FailedTry,
  end: { isWaitTooLong: boolean; isSpent: boolean; putOffMs: number; uncertain: boolean },
): Error {
  if (end.isWaitTooLong || (end.isSpent && isOutage(failed)))
    return new PutOffError(end.putOffMs, `${failed.text}; put off`);
  return new RefusedError(failed, end.uncertain);
}

/** The service throttles, is down, or cannot be reached. */
function isOutage({ failure, status, codes }: FailedTry): boolean {
  if (status === 0) return codes.some((code) => neverConnected.has(code));
  return status === 503 || (failure.kind === 'transient' && failure.throttled === true);
}

const signInPutOffMs = 30_000;

interface SignInCause {
  name?: string;
  code?: unknown;
  errorCode?: unknown;
  status?: unknown;
  statusCode?: unknown;
  cause?: SignInCause;
}

/**
 * The error for a failed sign-in. The identity library wraps a refusal (AADSTS errors, no identity) and a sign-in
 * service out of reach in the same error, so the causes decide. Their texts can name users and are not repeated.
 */
export function signInError(error: unknown): PutOffError | DeploymentError {
  let cause = error as SignInCause | undefined;
  for (let depth = 0; cause && depth < 8; depth += 1, cause = cause.cause) {
    const status = Number(cause.statusCode ?? cause.status ?? 0);
    const code = String(cause.errorCode ?? cause.code ?? '');
    const outOfReach = neverConnected.has(code) || /^(network_error|ECONNRESET|ETIMEDOUT)$/.test(code);
    if (outOfReach || status === 429 || status >= 500 || cause.name === 'TimeoutError')
      return new PutOffError(signInPutOffMs, 'The sign-in service for Microsoft Graph did not answer.');
  }
  const aadsts = /AADSTS\d+/.exec(error instanceof Error ? error.message : '')?.[0];
  return new DeploymentError(`Signing in to Microsoft Graph was refused${aadsts ? ` (${aadsts})` : ''}.`);
}

/** True when Graph says "not found", even after the tries that `RetryNotFound` asks for. */
export const isNotFound = (error: unknown): error is RefusedError =>
  error instanceof RefusedError && error.failure.kind === 'notFound';

/** True when Graph names what is missing: proof that the folder, message or attachment does not exist. */
export const isGone = (error: unknown): error is RefusedError =>
  isNotFound(error) && namesWhatIsMissing(error.codes);

/**
 * True when Graph refuses an attachment as such: as too large or invalid, or with a 404 that stays and does not name
 * the message, which means that this cloud has no upload sessions.
 */
export const refusesAttachment = (error: unknown): boolean =>
  error instanceof RefusedError && (error.failure.kind === 'item' || (isNotFound(error) && !isGone(error)));

/**
 * True when Graph says that the user has no usable mailbox. Only its own codes for that count: any other 404, taken
 * for "no mailbox", would leave the person without their copies and nobody would notice.
 */
export const hasNoMailbox = (error: unknown): boolean =>
  error instanceof RefusedError &&
  error.failure.kind === 'mailbox' &&
  error.failure.reason === 'mailboxUnavailable';

/** A refusal that no retry can change, as a `PermanentError`; any other error as it is. */
export function toPermanentError(error: unknown): unknown {
  if (!(error instanceof RefusedError)) return error;
  const { failure } = error;
  return failure.kind === 'item' || failure.kind === 'mailbox'
    ? new PermanentError(failure.reason, error.message, { cause: error })
    : error;
}

/** The result of work on Graph; a refusal that no retry can change is thrown as a `PermanentError`. */
export const orPermanentError = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw toPermanentError(error);
  });

/**
 * Like `toPermanentError`, for requests about the folders of a mailbox. They carry nothing of an item, and every
 * mailbox has a root folder: when Graph calls them invalid or answers "not found", the mailbox is unusable.
 */
export function toFolderError(error: unknown): unknown {
  if (error instanceof RefusedError && (error.failure.kind === 'item' || isNotFound(error)))
    return new PermanentError('mailboxUnavailable', error.message, { cause: error });
  return toPermanentError(error);
}
