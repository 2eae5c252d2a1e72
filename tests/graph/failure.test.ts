import {
  classify,
  classifyUpload,
  failedTry,
  finalError,
  hadNoEffect,
  lastError,
  type RetryNotFound,
} from '../../shared/graph/failure';
import { retryAfterMs } from '../../shared/retry-after';

const nowMs = Date.parse('2025-03-01T12:00:00Z');
const answer = (status: number, code?: string, retryAfter: string | null = null, message = '') => ({
  status,
  codes: code === undefined ? [] : [code],
  message,
  retryAfter,
  requestId: '',
});

const transient = { kind: 'transient' };
const throttled = { kind: 'transient', throttled: true };
const rejected = { kind: 'item', reason: 'rejected' };
const tooLarge = { kind: 'item', reason: 'tooLarge' };
const full = { kind: 'mailbox', reason: 'mailboxFull' };
const unavailable = { kind: 'mailbox', reason: 'mailboxUnavailable' };
const denied = { kind: 'mailbox', reason: 'accessDenied' };

describe('an answer of Graph', () => {
  test.each([
    [408, undefined, transient],
    [409, 'ErrorSomething', transient],
    [412, undefined, transient],
    [429, undefined, throttled],
    [500, undefined, transient],
    [502, undefined, transient],
    [503, undefined, transient],
    [504, undefined, transient],
    [509, undefined, transient],
    [400, 'ErrorIrresolvableConflict', transient],
    [404, 'MailboxInfoStale', transient],
    [503, 'MailboxInfoStale', transient],
    [503, 'ApplicationThrottled', throttled],
    [500, 'ErrorCorruptData', rejected],
    [400, undefined, rejected],
    [400, 'ErrorInvalidRecipients', rejected],
    [400, 'SomethingNew', rejected],
    [415, undefined, rejected],
    [422, undefined, rejected],
    [501, undefined, rejected],
    [413, undefined, tooLarge],
    [400, 'ErrorAttachmentSizeLimitExceeded', tooLarge],
    [400, 'ErrorMessageSizeExceeded', full],
    [507, undefined, full],
    [403, 'ErrorQuotaExceeded', full],
    [404, 'MailboxNotEnabledForRESTAPI', unavailable],
    [404, 'MailboxNotSupportedForRESTAPI', unavailable],
    [404, 'MailboxNotHostedInExchangeOnline', unavailable],
    [404, 'ErrorInvalidUser', unavailable],
    [404, 'Request_ResourceNotFound', unavailable],
    [403, 'ErrorAccessDenied', denied],
    [403, 'Authorization_RequestDenied', { kind: 'deployment' }],
    [302, undefined, { kind: 'deployment' }],
    [401, 'InvalidAuthenticationToken', { kind: 'unauthorized' }],
    [404, 'ErrorItemNotFound', { kind: 'notFound' }],
    [404, undefined, { kind: 'notFound' }],
    [400, 'ErrorInvalidIdMalformed', { kind: 'notFound' }],
  ])('with status %i and code %s is classified', (status, code, failure) => {
    expect(classify(answer(status, code), nowMs)).toEqual(failure);
  });

  test('is not classified by a code that happens to be a member of every object', () => {
    expect(classify(answer(400, 'constructor'), nowMs)).toEqual(rejected);
  });

  test('is classified by the code of an inner error when the outer one is unknown', () => {
    const codes = ['BadRequest', 'ErrorQuotaExceeded'];
    expect(classify({ ...answer(400), codes }, nowMs)).toEqual(full);
  });

  test('counts as throttling when it names a time to wait', () => {
    expect(classify(answer(503, undefined, '7'), nowMs)).toEqual({ ...throttled, retryAfterMs: 7_000 });
  });

  test('means more than a minute for a limit that counts over minutes, when it names no time', () => {
    const message = (limit: string) => `Application is over its ${limit} limit.`;
    const bytes = classify(answer(429, 'ApplicationThrottled', null, message('IncomingBytes')), nowMs);
    expect(bytes).toEqual({ ...throttled, retryAfterMs: 75_000 });
    const concurrency = classify(
      answer(429, 'ApplicationThrottled', null, message('MailboxConcurrency')),
      nowMs,
    );
    expect(concurrency).toEqual(throttled);
  });

  test.each([400, 401, 403, 404, 410, 416])(
    'from an upload session with status %i means that the session has ended',
    (status) => {
      expect(classifyUpload(answer(status), nowMs)).toEqual({ kind: 'sessionGone' });
    },
  );

  test('from an upload session can still mean a full mailbox or a busy service', () => {
    expect(classifyUpload(answer(400, 'ErrorMessageSizeExceeded'), nowMs)).toEqual(full);
    expect(classifyUpload(answer(503), nowMs)).toEqual(transient);
    expect(classifyUpload(answer(302), nowMs)).toEqual({ kind: 'deployment' });
  });

  test('proves that nothing was done only when it is a refusal', () => {
    const proven = [400, 401, 403, 404, 412, 413, 429].map((status) => hadNoEffect(answer(status)));
    expect(proven).not.toContain(false);
    expect([408, 500, 502, 503, 504].map((status) => hadNoEffect(answer(status)))).not.toContain(true);
    expect(hadNoEffect(answer(503, 'ApplicationThrottled'))).toBe(true);
  });
});

describe('the header Retry-After', () => {
  test.each([
    ['3', 3_000],
    ['0', 0],
    ['1.5', 1_500],
    ['999999', 3_600_000],
    ['Sat, 01 Mar 2025 12:00:30 GMT', 30_000],
    ['Sat, 01 Mar 2025 11:00:00 GMT', 0],
    ['Sun, 01 Mar 2026 12:00:00 GMT', 3_600_000],
    ['-5', undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
  ])('with the value %p means %p ms', (header, delayMs) => {
    expect(retryAfterMs(header, nowMs)).toBe(delayMs);
  });
});

describe('a call to Graph', () => {
  const failed = (status: number, code?: string) =>
    failedTry({ answered: true, answer: answer(status, code) }, { doing: 'test', uploading: false }, nowMs);
  const unanswered = (code: string) =>
    failedTry({ answered: false, code }, { doing: 'test', uploading: false }, nowMs);
  const nameOf = (error: Error | undefined) => error?.name;

  test.each([
    [403, 'Authorization_RequestDenied', 'DeploymentError'],
    [401, undefined, 'DeploymentError'],
    [400, 'ErrorInvalidRecipients', 'RefusedError'],
    [403, 'ErrorAccessDenied', 'RefusedError'],
    [429, undefined, undefined],
    [503, 'ApplicationThrottled', undefined],
    [500, undefined, 'UncertainError'],
    [504, undefined, 'UncertainError'],
  ])('that must not be repeated ends after %i %s with %s', (status, code, name) => {
    const call = { repeatable: false, uncertain: false };
    expect(nameOf(finalError(failed(status, code), call))).toBe(name);
  });

  test.each([
    ['ECONNREFUSED', undefined],
    ['ECONNRESET', 'UncertainError'],
    ['TimeoutError', 'UncertainError'],
  ])('that must not be repeated ends after the connection error %s with %s', (code, name) => {
    expect(nameOf(finalError(unanswered(code), { repeatable: false, uncertain: false }))).toBe(name);
  });

  test.each([408, 429, 500, 502, 503, 504])('that may be repeated goes on after %i', (status) => {
    expect(finalError(failed(status), { repeatable: true, uncertain: true })).toBeUndefined();
  });

  test.each<[RetryNotFound | undefined, string, string | undefined]>([
    [undefined, 'UnknownError', 'RefusedError'],
    ['unlessNamed', 'ErrorItemNotFound', 'RefusedError'],
    ['unlessNamed', 'UnknownError', undefined],
    ['always', 'ErrorItemNotFound', undefined],
  ])('that retries "not found" %s ends after a 404 %s with %s', (retryNotFound, code, name) => {
    const call = { repeatable: true, uncertain: false, retryNotFound };
    expect(nameOf(finalError(failed(404, code), call))).toBe(name);
  });

  const spent = { isWaitTooLong: false, isSpent: true };
  test.each([
    ['its last try met an outage', 'PutOffError', failed(503), spent],
    ['its last try was throttled', 'PutOffError', failed(429), spent],
    ['its last try found no service', 'PutOffError', unanswered('ENOTFOUND'), spent],
    ['its last try failed', 'RefusedError', failed(500), spent],
    ['its last try was reset', 'RefusedError', unanswered('ECONNRESET'), spent],
    ['the next try is too far away', 'PutOffError', failed(500), { isWaitTooLong: true, isSpent: false }],
    ['it is aborted', 'RefusedError', failed(503), { isWaitTooLong: false, isSpent: false }],
  ])('that is given up because %s ends with %s', (_why, name, last, end) => {
    expect(lastError(last, { ...end, putOffMs: 7, uncertain: true })).toMatchObject({
      name,
      ...(name === 'PutOffError' ? { delayMs: 7 } : { mayHaveTakenEffect: true }),
    });
  });
});
