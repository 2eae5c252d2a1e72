import { classify, classifyUpload, hadNoEffect } from '../../shared/graph/failure';
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
])('status %i with code %s is classified', (status, code, failure) => {
  expect(classify(answer(status, code), nowMs)).toEqual(failure);
});

test('a code is not looked up among the members that every object has', () => {
  expect(classify(answer(400, 'constructor'), nowMs)).toEqual(rejected);
});

test('the code of an inner error counts when the outer one says nothing', () => {
  const codes = ['BadRequest', 'ErrorQuotaExceeded'];
  expect(classify({ ...answer(400), codes }, nowMs)).toEqual(full);
});

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
])('Retry-After %p means %p ms', (header, delayMs) => {
  expect(retryAfterMs(header, nowMs)).toBe(delayMs);
});

test('an answer that names a time to wait counts as throttling', () => {
  expect(classify(answer(503, undefined, '7'), nowMs)).toEqual({ ...throttled, retryAfterMs: 7_000 });
});

test('limits that count over minutes are given more than a minute when the service names no time', () => {
  const message = (limit: string) => `Application is over its ${limit} limit.`;
  const bytes = classify(answer(429, 'ApplicationThrottled', null, message('IncomingBytes')), nowMs);
  expect(bytes).toEqual({ ...throttled, retryAfterMs: 75_000 });
  const concurrency = classify(
    answer(429, 'ApplicationThrottled', null, message('MailboxConcurrency')),
    nowMs,
  );
  expect(concurrency).toEqual(throttled);
});

test.each([400, 401, 403, 404, 410, 416])('%i from an upload session means that it is over', (status) => {
  expect(classifyUpload(answer(status), nowMs)).toEqual({ kind: 'sessionGone' });
});

test('an upload session still tells a full mailbox and a busy service from its own end', () => {
  expect(classifyUpload(answer(400, 'ErrorMessageSizeExceeded'), nowMs)).toEqual(full);
  expect(classifyUpload(answer(503), nowMs)).toEqual(transient);
  expect(classifyUpload(answer(302), nowMs)).toEqual({ kind: 'deployment' });
});

test('only a refusal proves that nothing was done', () => {
  const proven = [400, 401, 403, 404, 412, 413, 429].map((status) => hadNoEffect(answer(status)));
  expect(proven).not.toContain(false);
  expect([408, 500, 502, 503, 504].map((status) => hadNoEffect(answer(status)))).not.toContain(true);
  expect(hadNoEffect(answer(503, 'ApplicationThrottled'))).toBe(true);
});
