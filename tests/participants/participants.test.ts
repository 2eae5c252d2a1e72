import type { Party } from '../../shared/email/email';
import { namedIn, participants, withE164 } from '../../shared/participants/participants';
import { createNumbers } from '../../shared/participants/phone';
import { sourceMessage } from '../../shared/telemessage/message';

const numbers = createNumbers();
const M = '+46701234567';

interface Parties {
  users?: Record<string, unknown>[];
  from?: Party;
  to?: Party[];
  cc?: Party[];
  bcc?: Party[];
}

function of({ users = [], from, to = [], cc = [] }: Parties) {
  const { users: known } = namedIn(
    sourceMessage.parse({
      messageId: '1',
      gatewayReceivedDate: '2025-06-01T12:00:00Z',
      sourceType: 'WECHAT',
      usersEmailAddress: users,
    }),
    numbers,
  );
  const numbered = (party: Party) => withE164(party, numbers);
  return participants(known, {
    ...(from && { from: numbered(from) }),
    to: to.map(numbered),
    cc: cc.map(numbered),
  }).participants;
}

const who = (parties: Parties) =>
  of(parties).map(({ numbers: n, addresses }) => [...n, ...addresses].join(' '));

test('lists the users, the sender and the recipients in this order, without blind copies', () => {
  expect(
    who({
      users: [{ emailAddress: 'u@x.com' }],
      from: { name: '', address: 'f@x.com' },
      to: [{ name: '', address: 't@x.com' }],
      cc: [{ name: '', address: 'c@x.com' }],
      bcc: [{ name: '', address: 'b@x.com' }],
    }),
  ).toEqual(['u@x.com', 'f@x.com', 't@x.com', 'c@x.com']);
});

test('keeps a user with an address alone beside a party that has a number too', () => {
  const found = of({
    users: [{ emailAddress: 'Anna@X.com' }],
    from: { name: 'Anna Ek', number: '46701234567', address: 'anna@x.com' },
  });
  expect(found).toEqual([
    { name: '', numbers: [], addresses: ['Anna@X.com'], asWritten: '<Anna@X.com>' },
    {
      name: 'Anna Ek',
      numbers: [M],
      addresses: ['anna@x.com'],
      asWritten: 'Anna Ek 46701234567 <anna@x.com>',
    },
  ]);
});

test('merges a user with a number alone and a user with that number and an address', () => {
  const users = [{ mobileNumber: '46701234567' }, { mobileNumber: M, emailAddress: 'anna@x.com' }];
  expect(who({ users })).toEqual([`${M} anna@x.com`]);
});

test.each([
  '\u202a+46 70-123 45 67\u202c',
  '0046701234567',
  '46701234567@s.whatsapp.net',
  '+٤٦٧٠١٢٣٤٥٦٧',
  '＋４６７０１２３４５６７',
])('knows a user by the number %j', (mobileNumber) => {
  expect(
    of({ users: [{ mobileNumber, emailAddress: 'anna@x.com' }], from: { name: '', number: M } }),
  ).toHaveLength(1);
});

test('merges a user with number and address and a WhatsApp party with that number', () => {
  const users = [{ mobileNumber: M, emailAddress: 'anna@x.com' }];
  const found = of({ users, from: { name: 'Anna', number: '46701234567' } });
  expect(found).toMatchObject([{ name: 'Anna', numbers: [M], addresses: ['anna@x.com'] }]);
});

test('keeps two parties that share the number but not the address', () => {
  const users = [{ mobileNumber: M, emailAddress: 'anna@x.com' }];
  expect(who({ users, from: { name: '', number: M, address: 'bo@x.com' } })).toEqual([
    `${M} anna@x.com`,
    `${M} bo@x.com`,
  ]);
});

test('keeps two parties that share the address but not the number', () => {
  const users = [
    { mobileNumber: M, emailAddress: 'desk@x.com' },
    { mobileNumber: '+46701234568', emailAddress: 'desk@x.com' },
    { emailAddress: 'desk@x.com' },
  ];
  expect(who({ users })).toEqual([`${M} desk@x.com`, '+46701234568 desk@x.com', 'desk@x.com']);
});

test('keeps the first of several equal parties', () => {
  const party = { name: 'Anna', number: M };
  expect(of({ users: [{ mobileNumber: '46701234567' }], from: party, to: [party, party] })).toHaveLength(1);
});

test('ignores an address that only fills a header', () => {
  expect(of({ from: { name: '', number: M, address: '46701234567@whatsapp.INVALID' } })).toEqual([
    { name: '', numbers: [M], addresses: [], asWritten: M },
  ]);
});

test.each([
  [' anna@x.com ', ['anna@x.com']],
  ['Anna Ek <anna@x.com>', ['anna@x.com']],
  ['"stranger@y.com" <anna@x.com>', ['anna@x.com']],
  ['stranger@y.com <anna@x.com>', ['anna@x.com']],
  ['Anna (stranger@y.com) <anna@x.com>', ['anna@x.com']],
  ['mailto:anna@x.com', ['anna@x.com']],
  ['Anna <mailto:anna@x.com>', ['anna@x.com']],
  ['anna@x.com; bo@x.com,Anna@X.com', ['anna@x.com', 'bo@x.com']],
  ['Anna <anna@x.com>; Bo <bo@x.com>', ['anna@x.com', 'bo@x.com']],
  ['Anna anna@x.com', ['anna@x.com']],
  ['\u200banna@x.com\u200b', ['anna@x.com']],
  ["'anna@x.com'", ['anna@x.com']],
  ['Anna <‘anna@x.com’>.', ['anna@x.com']],
  ['anna@bücher.example', ['anna@xn--bcher-kva.example']],
  ['anna@xn--fiq228c.xn--fiqs8s', ['anna@xn--fiq228c.xn--fiqs8s']],
  ['Anna anna@x.com bo@x.com', []],
  ['(anna@x.com)', []],
  ['anna', []],
  ['anna@', []],
  ['anna@@x.com', []],
  ['anna@x..com', []],
  ['"anna@x.com"', []],
  ['', []],
  ['öst.er@x.com', ['öst.er@x.com']],
])('finds in the e-mail field %j the addresses %j', (emailAddress, addresses) => {
  const found = of({ users: [{ mobileNumber: M, emailAddress }] });
  expect(found.flatMap((one) => one.addresses)).toEqual(addresses);
});

test.each<[string, unknown, string[]]>([
  ['a text', 'anna@x.com; bo@x.com', ['anna@x.com', 'bo@x.com']],
  ['one entry', { emailAddress: 'anna@x.com,bo@x.com' }, ['anna@x.com', 'bo@x.com']],
  ['a list of one text', ['anna@x.com\r\nbo@x.com'], ['anna@x.com', 'bo@x.com']],
  ['names with commas', 'Ek, Anna <anna@x.com>; "Bo; Li" <bo@x.com>', ['anna@x.com', 'bo@x.com']],
  ['numbers', '46701234567;46701234568', [M, '+46701234568']],
  ['numbers in an entry', { mobileNumber: '46701234567, 46701234568' }, [M, '+46701234568']],
  [
    'as many numbers as addresses',
    { mobileNumber: '46701234567;46701234568', emailAddress: 'anna@x.com;bo@x.com' },
    [`${M} anna@x.com`, '+46701234568 bo@x.com'],
  ],
  [
    'numbers with one address',
    { mobileNumber: '46701234567;46701234568', emailAddress: 'desk@x.com' },
    [`${M} desk@x.com`, '+46701234568 desk@x.com'],
  ],
  [
    'one number with several addresses',
    { mobileNumber: M, emailAddress: 'anna@x.com;bo@x.com' },
    [M, 'anna@x.com', 'bo@x.com'],
  ],
  ['separators without end', { emailAddress: ';'.repeat(100_000) }, []],
])('finds every person in a list that is %s', (_, users, expected) => {
  expect(who({ users: users as Record<string, unknown>[] })).toEqual(expected);
});

describe('a number in a display name', () => {
  const named = { name: `Bob ${M}`, number: M, numberInName: true as const };
  const lastResort = (parties: Parties) => of(parties).map(({ numberInName }) => numberInName);

  test('identifies nobody', () => {
    expect(who({ from: { ...named, address: 'bob@y.com' } })).toEqual(['bob@y.com']);
    expect(who({ from: named })).toEqual(['']);
    const users = [{ mobileNumber: M, emailAddress: 'boss@x.com' }];
    expect(who({ users, from: { ...named, address: 'bob@y.com' } })).toEqual([
      `${M} boss@x.com`,
      'bob@y.com',
    ]);
  });

  test('is a last resort only for a party whose address the source states, without a number', () => {
    const from = { ...named, address: 'Bob@Y.com' };
    expect(lastResort({ users: [{ emailAddress: 'bob@y.com' }], from })).toEqual([M]);
    expect(lastResort({ users: [{ mobileNumber: '46701234568', emailAddress: 'bob@y.com' }], from })).toEqual(
      [undefined],
    );
    expect(lastResort({ users: [{ mobileNumber: 'unread', emailAddress: 'bob@y.com' }], from })).toEqual([
      undefined,
    ]);
    expect(lastResort({ users: [{ emailAddress: 'anna@x.com' }], from })).toEqual([undefined, undefined]);
    const two = { ...from, name: `Bob 46701234568 ${M}` };
    expect(lastResort({ users: [{ emailAddress: 'bob@y.com' }], from: two })).toEqual([undefined]);
  });
});

test('takes the address of a header only as a whole, and no address from a name', () => {
  expect(who({ from: { name: 'x@y.com', address: 'anna' }, to: [{ name: '"a@b.com"', number: M }] })).toEqual(
    ['', M],
  );
});

test('keeps a party without usable number or address once, for the record', () => {
  const national = { mobileNumber: '0701234567' };
  expect(
    of({ users: [national], from: { name: '', number: '0701234567' }, to: [{ name: 'UNKNOWN' }] }),
  ).toEqual([
    { name: '', numbers: [], addresses: [], asWritten: '0701234567' },
    { name: 'UNKNOWN', numbers: [], addresses: [], asWritten: 'UNKNOWN' },
  ]);
});

test('merges an unreadable number with the user that has it and an address', () => {
  const users = [{ mobileNumber: '0701234567', emailAddress: 'anna@x.com' }];
  expect(who({ users, from: { name: '', number: '0701234567' } })).toEqual(['anna@x.com']);
});

test('merges a bare name with the party of that name, and drops an empty party', () => {
  const users = [{ emailAddress: 'anna@x.com', firstName: 'Anna', lastName: 'Ek' }, {}];
  expect(who({ users, from: { name: 'anna ek' }, to: [{ name: '' }] })).toEqual(['anna@x.com']);
});

test('reads a mobile number that TeleMessage wrote as a JSON number', () => {
  expect(who({ users: [{ mobileNumber: 46701234567 }] })).toEqual([M]);
});

test('merges three hundred members who are each named in three places', () => {
  const member = (index: number) => `4670${1000000 + index}`;
  const members = Array.from({ length: 300 }, (_, index) => index);
  const found = of({
    users: members.map((index) => ({ mobileNumber: member(index), emailAddress: `u${index}@x.com` })),
    to: members.map((index) => ({ name: `Member ${index}`, number: member(index) })),
    cc: members.map((index) => ({ name: '', address: `u${index}@x.com` })),
  });
  expect(found.map(({ addresses }) => addresses[0])).toEqual(members.map((index) => `u${index}@x.com`));
});

test('lists everybody exactly once, in any order of the parties', () => {
  const pool: Party[] = [
    { name: 'A', number: M },
    { name: 'A', address: 'a@x.com' },
    { name: 'A', number: M, address: 'a@x.com' },
    { name: 'B', number: '+46701234568' },
    { name: 'B', address: 'a@x.com', number: '+46701234568' },
    { name: 'C', address: 'c@x.com' },
  ];
  let state = 7;
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
  for (let round = 0; round < 500; round++) {
    const to = Array.from({ length: 1 + random(8) }, () => pool[random(pool.length)] as Party);
    const found = of({ to });
    const keys = found.map((one) => [...one.numbers, ...one.addresses]);
    for (const party of to) {
      const wanted = [party.number, party.address].filter(Boolean) as string[];
      expect(keys.some((one) => wanted.every((key) => one.includes(key)))).toBe(true);
    }
    for (const one of keys) {
      expect(keys.filter((other) => one.every((key) => other.includes(key)))).toHaveLength(1);
    }
  }
});
