import { beginAttempt, endAttempt } from '../../shared/delivery/attempts';
import { importItem } from '../../shared/pipeline/import-item';
import { quarantineItem } from '../../shared/pipeline/quarantine-item';
import type { Outcome } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { isCreate, startProxy } from '../support/proxy';
import { chatLine, useWorld } from '../support/world';

/** What happens to an item after each kind of answer to its create request. */

interface Fault {
  status: number;
  code?: string;
  headers?: Record<string, string>;
  /** How many create requests fail; the others reach the simulated Exchange. */
  times?: number;
  /** Fails only creates in the mailbox of this user. */
  userId?: string;
}

const anna = user('anna');
const bo = user('bo');
const openWorld = useWorld({ users: [anna, bo], lines: { whatsapp: [chatLine('1_1')] } });

/** Answers the first creates itself; everything else reaches the simulated Exchange. */
const inFrontOf = ({ status, code = 'UnknownError', headers, times = 1, userId = '' }: Fault) => {
  let left = times;
  return (exchangeOrigin: string) =>
    startProxy(exchangeOrigin, {
      answer(request) {
        if (!isCreate(request) || !request.url.includes(userId) || left === 0) return undefined;
        left--;
        return {
          status,
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ error: { code, message: 'as the test wants' } }),
        };
      },
    });
};

/** Fetches and queues one item for Anna and Bo, with the fault in front of their mailboxes. */
const fetchThrough = async (fault: Fault) => {
  const world = await openWorld({ proxy: inFrontOf(fault) });
  await world.fetch(world.deps);
  return { world, deps: world.deps };
};

const importThrough = async (fault: Fault) => {
  const { world, deps } = await fetchThrough(fault);
  await world.drain(deps);
  const [outcome] = await world.outcomes(deps);
  return { world, deps, outcome };
};

const endOf = (outcome: Outcome | undefined, userId: string) =>
  outcome?.deliveries.find((delivery) => delivery.userId === userId);

describe('an item is imported once after the transient answer', () => {
  it.each([
    [408, 'RequestTimeout'],
    [412, 'ErrorIrresolvableConflict'],
    [429, 'ApplicationThrottled'],
    [500, 'ErrorInternalServerError'],
    [502, 'BadGateway'],
    [503, 'ErrorServerBusy'],
    [504, 'GatewayTimeout'],
    [509, 'BandwidthLimitExceeded'],
    [401, 'InvalidAuthenticationToken'],
  ])('%d %s', async (status, code) => {
    const { world, outcome } = await importThrough({ status, code });
    expect(outcome?.deliveries.map(({ end }) => end)).toEqual(['imported', 'imported']);
    for (const one of [anna, bo]) expect(await world.messages(one)).toHaveLength(1);
  });

  it('429 with a short Retry-After, which the app waits out', async () => {
    const { world, outcome, deps } = await importThrough({
      status: 429,
      code: 'ApplicationThrottled',
      headers: { 'retry-after': '1' },
    });
    expect(outcome?.deliveries.map(({ end }) => end)).toEqual(['imported', 'imported']);
    expect(world.events.filter(({ name }) => name === 'throttled')).toEqual([]);
    expect(await world.quarantined(deps)).toEqual([]);
  });
});

it('an item with a long Retry-After is put off with a new message, and stays out of quarantine', async () => {
  const { world, deps } = await fetchThrough({
    status: 429,
    code: 'ApplicationThrottled',
    headers: { 'retry-after': '120' },
    userId: anna.id,
  });
  const { importQueue } = deps;
  const sent: { putOff: number | undefined; delayMs: number | undefined }[] = [];
  await world.drain({
    ...deps,
    importQueue: {
      ...importQueue,
      // Kept instead of queued, to be looked at.
      send: (message, options) => {
        sent.push({ putOff: message.putOff, delayMs: options?.delayMs });
        return Promise.resolve();
      },
    },
  });
  expect(importQueue).toBeDefined();
  expect(sent).toHaveLength(1);
  expect(sent[0]!.putOff).toBe(1);
  expect(await world.outcomes(deps)).toEqual([]);
  expect(await world.quarantined(deps)).toEqual([]);
  // The other mailbox did not wait for the throttled one.
  expect(await world.messages(bo)).toHaveLength(1);
  expect(world.events.find(({ name }) => name === 'throttled')?.fields.delayMs).toBeGreaterThan(100_000);
});

describe('an item goes to quarantine after an answer that blames the item:', () => {
  it.each([
    [400, 'ErrorInvalidRecipients', 'rejected'],
    [400, 'ErrorPropertyValidationFailure', 'rejected'],
    [415, 'UnsupportedMediaType', 'rejected'],
    [422, 'UnprocessableEntity', 'rejected'],
    [500, 'ErrorCorruptData', 'rejected'],
    [413, 'RequestEntityTooLarge', 'tooLarge'],
  ])('%d %s', async (status, code, reason) => {
    const { world, deps, outcome } = await importThrough({ status, code, times: 99 });
    expect(outcome).toMatchObject({ kind: 'failed', reason, expected: 2 });
    expect(await world.quarantined(deps)).toMatchObject([{ reason, sourceId: '1_1', position: 0 }]);
    for (const one of [anna, bo]) expect(await world.messages(one)).toEqual([]);
  });
});

describe('an item reaches the other mailboxes, and is quarantined for this one, after the answer', () => {
  it.each([
    [404, 'MailboxNotEnabledForRESTAPI', 'mailboxUnavailable'],
    [404, 'MailboxNotSupportedForRESTAPI', 'mailboxUnavailable'],
    [404, 'MailboxNotHostedInExchangeOnline', 'mailboxUnavailable'],
    [404, 'ErrorInvalidUser', 'mailboxUnavailable'],
    [507, 'ErrorQuotaExceeded', 'mailboxFull'],
    [403, 'ErrorQuotaExceeded', 'mailboxFull'],
    [400, 'ErrorMessageSizeExceeded', 'mailboxFull'],
    [403, 'ErrorAccessDenied', 'accessDenied'],
  ])('%d %s', async (status, code, reason) => {
    const { world, deps, outcome } = await importThrough({ status, code, times: 99, userId: anna.id });
    expect(outcome).toMatchObject({ kind: 'delivered', reason, expected: 2 });
    expect(endOf(outcome, anna.id)).toEqual({ userId: anna.id, end: 'failed', reason });
    expect(endOf(outcome, bo.id)).toEqual({ userId: bo.id, end: 'imported' });
    expect(await world.quarantined(deps)).toMatchObject([{ reason, deliveries: outcome!.deliveries }]);
  });
});

describe('an item waits and the operator is alarmed after an answer that refuses the whole app:', () => {
  it.each([
    [403, 'Authorization_RequestDenied'],
    [401, 'InvalidAuthenticationToken'],
  ])('%d %s', async (status, code) => {
    const { world, deps } = await fetchThrough({ status, code, times: 99 });
    let putOff = 0;
    await world.drain({
      ...deps,
      importQueue: { ...deps.importQueue, send: () => Promise.resolve(void putOff++) },
    });
    expect(putOff).toBe(1);
    expect(await world.outcomes(deps)).toEqual([]);
    expect(await world.quarantined(deps)).toEqual([]);
    expect(world.events.map(({ name }) => name)).toContain('credentialsRejected');
  });
});

it('an item that fails five times goes to quarantine, with the deliveries that ended and those that did not', async () => {
  const { world, deps, outcome } = await importThrough({ status: 500, times: 999, userId: anna.id });
  expect(outcome).toMatchObject({ kind: 'delivered', reason: 'gaveUp', expected: 2 });
  expect(endOf(outcome, anna.id)).toMatchObject({ end: 'failed', reason: 'gaveUp' });
  expect(endOf(outcome, bo.id)).toMatchObject({ end: 'imported' });
  expect(await world.quarantined(deps)).toMatchObject([{ reason: 'gaveUp', sourceId: '1_1' }]);
});

it.each([
  [503, 'ErrorServerBusy', undefined],
  [429, 'ApplicationThrottled', '120'],
])(
  'a mailbox that answers %d %s to the search for its folder does not hold up the other mailboxes',
  async (status, code, retryAfter) => {
    const headers = {
      'content-type': 'application/json',
      ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
    };
    const [small, large] = [chatLine('1_1'), chatLine('1_2', { textContent: 'x'.repeat(2 * 1024 * 1024) })];
    const world = await openWorld({
      users: [anna, bo],
      lines: { whatsapp: [small, large] },
      settings: { WHATSAPP_SIZE_LIMIT_MB: '1' },
      proxy: (origin) =>
        startProxy(origin, {
          answer: ({ url }) =>
            url.includes(`${anna.id}/mailFolders`)
              ? { status, headers, body: JSON.stringify({ error: { code, message: 'as the test wants' } }) }
              : undefined,
        }),
    });
    const { deps } = world;
    const [pointer] = await world.fetch(deps);
    const first = { ...pointer!, length: small.length };
    const second = { ...first, position: 1, offset: small.length + 1, length: large.length };
    for (const pointer of [first, second])
      await expect(importItem(deps, pointer)).rejects.toThrow(/list folders|cooling down/);
    expect(await world.messages(bo)).toHaveLength(1);
    // It is unknown yet whether Anna has a mailbox, so the item that is too large for all has no outcome either.
    expect(await world.outcomes(deps)).toEqual([]);
  },
);

describe('an item that cannot be read', () => {
  const fetchLines = async (lines: Buffer[], settings: Record<string, string> = {}) => {
    const world = await openWorld({ lines: { whatsapp: lines }, settings });
    const [pointer] = await world.fetch(world.deps);
    return { world, deps: world.deps, pointer: pointer! };
  };
  const unreadable = (id: string): [string, Buffer][] => [
    ['whose source is missing', chatLine(id, { sourceType: null })],
    ['whose text is no text', chatLine(id, { textContent: {} })],
    ['whose attachment is no object', chatLine(id, { attachment: [null] })],
    ['whose line is cut off', chatLine(id).subarray(0, -9)],
    ['whose line is not UTF-8', Buffer.concat([chatLine(id).subarray(0, -2), Buffer.from([0xff])])],
    ['whose line is too long', chatLine(id, { textContent: 'x'.repeat(1024 * 1024) })],
  ];

  it.each(unreadable('1_"id"'))('%s is quarantined under its id', async (_what, line) => {
    const { world, deps } = await fetchLines([line], { LINE_MAX_MB: '1' });
    await world.drain(deps);
    const found = { reason: 'unreadable', sourceId: '1_"id"' };
    expect(await world.outcomes(deps)).toMatchObject([{ kind: 'failed', ...found }]);
    expect(await world.quarantined(deps)).toMatchObject([found]);
  });

  it('keeps its id when the host gives it up', async () => {
    const { world, deps, pointer } = await fetchLines([chatLine('1_1', { sourceType: null })]);
    for (let count = 0; count < 5; count++)
      await endAttempt(deps, pointer, (await beginAttempt(deps, pointer, false))!, true);
    await quarantineItem(deps, pointer);
    expect(await world.quarantined(deps)).toMatchObject([{ reason: 'gaveUp', sourceId: '1_1' }]);
  });

  it.each([
    ['no JSON', 'messageId: 1_1'],
    ['JSON without an id', '[{"messageId":"1_1"}]'],
    ['cut off within its id', '{"messageId":"1_'],
    ['cut off behind the id of something else', '{"original":{"messageId":"1_1"},'],
  ])('is quarantined without an id when its line is %s', async (_what, line) => {
    const { world, deps } = await fetchLines([Buffer.from(line)]);
    await world.drain(deps);
    const [quarantined] = await world.quarantined(deps);
    expect(quarantined).toMatchObject({ reason: 'unreadable' });
    expect(quarantined).not.toHaveProperty('sourceId');
  });
});

it('an item without usersEmailAddress reaches the mailboxes to which the mapping file maps its numbers', async () => {
  const lines = [chatLine('1_1', { usersEmailAddress: undefined })];
  const settings = { WHATSAPP_CUSTOM_MAPPING: 'true' };
  const world = await openWorld({ users: [anna, bo], lines: { whatsapp: lines }, settings });
  const { deps } = world;
  const file = `Mobile number,Email address\n+46701740605,${anna.userPrincipalName}\n`;
  expect(await deps.mappings.upload('whatsapp', Buffer.from(file))).toMatchObject({ ok: true });
  await world.archive(deps);
  expect(await world.messages(anna)).toHaveLength(1);
  expect(await world.quarantined(deps)).toEqual([]);
});

it('an answered call under the id of a missed one is another item', async () => {
  const call = (callStatus: string) =>
    chatLine('1_1', { messageContext: 'voice-call', textContent: null, callInfo: { callStatus } });
  const world = await openWorld({
    users: [anna, bo],
    lines: { whatsapp: [call('Missed'), call('Answered'), call('Answered')] },
  });
  const { deps } = world;
  await world.archive(deps);
  expect(await world.messages(anna)).toHaveLength(2);
  const ends = (await world.outcomes(deps)).map(({ deliveries }) => deliveries[0]?.end);
  expect(ends.toSorted()).toEqual(['imported', 'imported', 'skipped']);
});
