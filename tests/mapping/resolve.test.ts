import { parseMapping, type Mapping } from '../../shared/mapping/reader';
import type { Participant } from '../../shared/participants/participants';
import { resolve, type LookUp } from '../../shared/mapping/resolve';

const at = { arrivedAt: '2025-06-01T12:00:00.000Z' };
const anna: Participant = person('anna', ['+46701234567'], ['anna@x.com']);

function person(name: string, numbers: string[], addresses: string[]): Participant {
  return { name, numbers, addresses, asWritten: name };
}

function csv(...rows: string[]): Mapping {
  const file = ['Mobile number,Email address,Valid from,Valid to', ...rows].join('\n');
  const result = parseMapping(Buffer.from(file), { maxRows: 100 });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.mapping;
}

/** A directory from address to user id; a user whose id begins with `-` has no mailbox. */
function directory(users: Record<string, string>) {
  const asked: string[] = [];
  const lookUp: LookUp = (address) => {
    asked.push(address);
    const userId = users[address.toLowerCase()];
    if (userId === undefined) return Promise.resolve(undefined);
    if (userId.startsWith('-')) return Promise.resolve({ userId, folderId: undefined });
    return Promise.resolve({ userId, folderId: `folder of ${userId}` });
  };
  return { asked, lookUp };
}

async function kinds(
  participants: Participant[],
  rules: Parameters<typeof resolve>[1],
  users: Record<string, string>,
) {
  const { resolutions } = await resolve(participants, rules, at, directory(users).lookUp);
  return resolutions.map((one) => (one.kind === 'mailbox' ? one.mailbox.userId : one.kind));
}

test('prefers the user in the mapping file to the e-mail address', async () => {
  const custom = csv('+46701234567,boss@x.com');
  const users = { 'boss@x.com': 'boss', 'anna@x.com': 'anna' };
  expect(await kinds([anna], { automatic: true, custom }, users)).toEqual(['boss']);
});

test.each([
  ['does not exist', {}],
  ['has no mailbox', { 'boss@x.com': '-boss' }],
])('falls back to the e-mail address if the user in the file %s', async (_, boss) => {
  const custom = csv('+46701234567,boss@x.com');
  expect(await kinds([anna], { automatic: true, custom }, { ...boss, 'anna@x.com': 'anna' })).toEqual([
    'anna',
  ]);
});

test('does not look up e-mail addresses if automatic mapping is off', async () => {
  const { asked, lookUp } = directory({ 'anna@x.com': 'anna' });
  const { resolutions, mailboxes } = await resolve([anna], { automatic: false, custom: csv() }, at, lookUp);
  expect(resolutions).toEqual([{ kind: 'external', participant: anna }]);
  expect(mailboxes).toEqual([]);
  expect(asked).toEqual([]);
});

test('maps by the e-mail address only if there is no file', async () => {
  expect(await kinds([anna], { automatic: true }, { 'anna@x.com': 'anna' })).toEqual(['anna']);
});

test('distinguishes people without a mailbox from people outside the organisation', async () => {
  const custom = csv('+46701234568,left@x.com');
  const people = [
    person('in the directory', [], ['shared@x.com']),
    person('only in the file', ['+46701234568'], []),
    person('elsewhere', ['+46701234569'], ['someone@y.com']),
    person('unknown', [], []),
  ];
  const users = { 'shared@x.com': '-shared' };
  expect(await kinds(people, { automatic: true, custom }, users)).toEqual([
    'noMailbox',
    'noMailbox',
    'external',
    'external',
  ]);
});

test('uses the first number or address that leads to a mailbox', async () => {
  const custom = csv('+46701234568,second@x.com');
  const users = { 'second@x.com': 'second', 'third@x.com': 'third' };
  const twoNumbers = person('two numbers', ['+46701234567', '+46701234568'], []);
  const twoAddresses = person('two addresses', [], ['nobody@x.com', 'third@x.com']);
  expect(await kinds([twoNumbers, twoAddresses], { automatic: true, custom }, users)).toEqual([
    'second',
    'third',
  ]);
});

test('maps a number to the user who had it when the message was sent', async () => {
  const custom = csv('+46701234567,old@x.com,,2025-05-31', '+46701234567,new@x.com,2025-06-01,');
  const users = { 'old@x.com': 'old', 'new@x.com': 'new' };
  const { lookUp } = directory(users);
  const holder = async (instant: string) =>
    (await resolve([anna], { automatic: false, custom }, { arrivedAt: instant }, lookUp)).mailboxes[0]
      ?.userId;
  expect(await holder('2025-05-31T23:59:59.999Z')).toBe('old');
  expect(await holder('2025-06-01T00:00:00.000Z')).toBe('new');
});

test('lists a shared mailbox once, and looks up each address once', async () => {
  const { asked, lookUp } = directory({ 'desk@x.com': 'desk', 'alias@x.com': 'desk' });
  const people = [
    person('a', [], ['desk@x.com']),
    person('b', [], ['Desk@X.com']),
    person('c', [], ['alias@x.com']),
  ];
  const { resolutions, mailboxes } = await resolve(people, { automatic: true }, at, lookUp);
  expect(resolutions.map(({ participant }) => participant.name)).toEqual(['a', 'b', 'c']);
  expect(mailboxes).toEqual([{ userId: 'desk', folderId: 'folder of desk' }]);
  expect(asked.toSorted()).toEqual(['alias@x.com', 'desk@x.com']);
});

test('looks up at most thirty addresses in parallel, and keeps the order of the participants', async () => {
  let running = 0;
  let most = 0;
  const lookUp: LookUp = async (address) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < 1 + (address.length % 3); turn++) await new Promise(setImmediate);
    running--;
    return { userId: address, folderId: 'f' };
  };
  const people = Array.from({ length: 100 }, (_, index) =>
    person('', [], [`${'u'.repeat(index % 5)}${index}@x.com`]),
  );
  const { resolutions } = await resolve(people, { automatic: true }, at, lookUp);
  expect(most).toBe(30);
  expect(resolutions.map((one) => one.kind === 'mailbox' && one.mailbox.userId)).toEqual(
    people.map(({ addresses }) => addresses[0]),
  );
});

test('leaves a participant unknown whose look-up fails, and no other; a number that fails does not fall back', async () => {
  const custom = csv('+46701234567,boss@x.com');
  const users = directory({ 'bo@x.com': 'bo', 'anna@x.com': 'anna' });
  const error = new Error('the directory does not answer');
  const lookUp: LookUp = (address) =>
    address === 'boss@x.com' ? Promise.reject(error) : users.lookUp(address);
  const people = [anna, person('bo', [], ['bo@x.com'])];
  const { resolutions, mailboxes } = await resolve(people, { automatic: true, custom }, at, lookUp);
  expect(resolutions).toEqual([
    { kind: 'unknown', error, participant: anna },
    expect.objectContaining({ kind: 'mailbox' }),
  ]);
  expect(mailboxes.map(({ userId }) => userId)).toEqual(['bo']);
});

describe('the time of sending and the time of arrival', () => {
  const custom = csv('+46701234567,old@x.com,,2025-05-31', '+46701234567,new@x.com,2025-06-01,2025-06-30');
  const users = { 'old@x.com': 'old', 'new@x.com': 'new', 'anna@x.com': 'anna' };
  const at = async (sentAt: string, arrivedAt: string) => {
    const { resolutions } = await resolve(
      [anna],
      { automatic: true, custom },
      { sentAt, arrivedAt },
      directory(users).lookUp,
    );
    return resolutions.map((one) => (one.kind === 'mailbox' ? one.mailbox.userId : one.kind))[0];
  };
  test.each([
    ['in the same row', '2025-05-01T00:00:00Z', '2025-05-31T00:00:00Z', 'old'],
    ['on both sides of a change, within a day', '2025-05-31T23:00:00Z', '2025-06-01T22:00:00Z', 'new'],
    [
      'on both sides, a day and a millisecond apart',
      '2025-05-31T23:00:00Z',
      '2025-06-01T23:00:00.001Z',
      'uncertain',
    ],
    ['by a clock of the year 2000', '2000-01-01T00:00:00Z', '2025-06-05T00:00:00Z', 'uncertain'],
    ['by a clock that runs ahead', '2025-06-03T00:00:00Z', '2025-05-31T00:00:00Z', 'uncertain'],
    ['long before, when nobody had the number', '2025-06-20T00:00:00Z', '2025-08-05T00:00:00Z', 'uncertain'],
    ['outside every row', '2024-07-01T00:00:00Z', '2024-08-05T00:00:00Z', 'old'],
  ])('%s', async (_, sentAt, arrivedAt, expected) => {
    expect(await at(sentAt, arrivedAt)).toBe(expected);
  });

  test('a number that is nobody’s any more on arrival leads to the address, or to nobody of the organisation', async () => {
    const times = { sentAt: '2025-06-30T23:00:00Z', arrivedAt: '2025-07-01T01:00:00Z' };
    const rules = { automatic: true, custom };
    const kindOf = async (participant: Participant) =>
      (await resolve([participant], rules, times, directory(users).lookUp)).resolutions[0]?.kind;
    expect(await kindOf(anna)).toBe('mailbox');
    expect(await kindOf(person('nobody', ['+46701234567'], []))).toBe('noMailbox');
  });
});

describe('a participant of the organisation', () => {
  const bo = person('bo', [], ['bo@x.com']);
  const withDomains = (userId: string, ...domains: string[]) => ({ userId, folderId: 'f', domains });
  const kindOf = async (
    participant: Participant,
    rules: Partial<Parameters<typeof resolve>[1]> = {},
    found = {},
  ) => {
    const users: Record<string, object> = { 'anna@x.com': withDomains('anna', 'x.com', 'x.de'), ...found };
    const lookUp = (address: string) =>
      Promise.resolve(users[address] as Awaited<ReturnType<LookUp>> | undefined);
    const { resolutions } = await resolve(
      [person('anna', [], ['anna@x.com']), participant],
      { automatic: true, ...rules },
      at,
      lookUp,
    );
    return resolutions[1]!.kind;
  };
  test.each([
    ['has a domain of a participant with a mailbox', bo, {}, {}, 'noMailbox'],
    ['has a domain that this one has besides', person('', [], ['Bo@X.DE']), {}, {}, 'noMailbox'],
    ['has a domain of the setting', person('', [], ['bo@y.com']), { domains: ['y.com'] }, {}, 'noMailbox'],
    [
      'has an address of the mapping file',
      person('', [], ['B@z.com']),
      { custom: csv('+46701234568,b@z.com') },
      {},
      'noMailbox',
    ],
    [
      'has a number of the mapping file',
      person('', ['+46701234568'], []),
      { custom: csv('+46701234568,typo@x.com') },
      {},
      'noMailbox',
    ],
    [
      'is a member of the directory without a mailbox',
      person('', [], ['c@y.com']),
      {},
      { 'c@y.com': { userId: 'c' } },
      'noMailbox',
    ],
    [
      'is no guest with an address of another domain',
      person('', [], ['g@y.com']),
      {},
      { 'g@y.com': { userId: 'g', isGuest: true } },
      'external',
    ],
    ['has no address of another domain', person('', [], ['z@y.com']), {}, {}, 'external'],
  ])('%s', async (_, participant, rules, found, expected) => {
    expect(await kindOf(participant, rules, found)).toBe(expected);
  });
});

describe('a number in a display name', () => {
  const custom = csv('+46701234567,boss@x.com');
  const named = (addresses: string[]) => ({ ...person('', [], addresses), numberInName: '+46701234567' });
  const holder = async (participant: Participant, users: Record<string, string>, automatic = true) => {
    const rules = { automatic, custom, domains: ['x.com'] };
    const { resolutions } = await resolve(
      [participant],
      rules,
      at,
      directory({ 'boss@x.com': 'boss', ...users }).lookUp,
    );
    return resolutions.map((one) => (one.kind === 'mailbox' ? one.mailbox.userId : one.kind))[0];
  };
  test('never comes before the address', async () => {
    expect(await holder(named(['anna@x.com']), { 'anna@x.com': 'anna' })).toBe('anna');
  });
  test('counts for a person of the organisation whose address leads nowhere', async () => {
    expect(await holder(named(['anna@x.com']), {})).toBe('boss');
    expect(await holder(named(['anna@x.com']), { 'anna@x.com': 'anna' }, false)).toBe('boss');
  });
  test('counts for nobody outside the organisation', async () => {
    expect(await holder(named(['bob@partner.com']), {})).toBe('external');
  });
});

test('resolves an item without participants to no mailboxes', async () => {
  const { lookUp } = directory({});
  expect(await resolve([], { automatic: true }, at, lookUp)).toEqual({ resolutions: [], mailboxes: [] });
});
