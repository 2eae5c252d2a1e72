import { parseMapping, type Mapping } from '../../shared/mapping/reader';
import type { Participant } from '../../shared/participants/participants';
import { resolve, type LookUp } from '../../shared/mapping/resolve';

const at = '2025-06-01T12:00:00.000Z';
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
    (await resolve([anna], { automatic: false, custom }, instant, lookUp)).mailboxes[0]?.userId;
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

test('looks up at most eight addresses in parallel, and keeps the order of the participants', async () => {
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
  expect(most).toBe(8);
  expect(resolutions.map((one) => one.kind === 'mailbox' && one.mailbox.userId)).toEqual(
    people.map(({ addresses }) => addresses[0]),
  );
});

test('rejects if a look-up fails, and starts no further look-ups', async () => {
  let asked = 0;
  const lookUp: LookUp = async () => {
    asked++;
    await new Promise(setImmediate);
    throw new Error('the directory does not answer');
  };
  const people = Array.from({ length: 100 }, (_, index) => person('', [], [`u${index}@x.com`]));
  await expect(resolve(people, { automatic: true }, at, lookUp)).rejects.toThrow('does not answer');
  await new Promise(setImmediate);
  expect(asked).toBe(8);
});

test('resolves an item without participants to no mailboxes', async () => {
  const { lookUp } = directory({});
  expect(await resolve([], { automatic: true }, at, lookUp)).toEqual({ resolutions: [], mailboxes: [] });
});
