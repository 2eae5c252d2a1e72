import { readAddresses } from '../../shared/mail/addresses';
import { numberIn } from '../../shared/participants/party-list';

const read = (header: string) => readAddresses(Buffer.from(header, 'utf8').toString('latin1'));
const addresses = (header: string) => read(header).map(({ address }) => address);

describe('readAddresses', () => {
  it.each([
    '"victim@bank.com" <real@x.com>',
    'victim@bank.com <real@x.com>',
    '"a" <victim@bank.com> <real@x.com>',
    '=?utf-8?Q?victim=40bank.com?= <real@x.com>',
    '=?utf-8?B?PHZpY3RpbUBiYW5rLmNvbT4=?= <real@x.com>',
    '=?utf-8?Q?"victim@bank.com",?= <real@x.com>',
    '(victim@bank.com) real@x.com',
    'real@x.com (<victim@bank.com>, x)',
    '<real(victim@bank.com)@x.com>',
    '"x\\" <victim@bank.com>, \\"" <real@x.com>',
    '<@victim.com,@bank.com:real@x.com>',
  ])('never takes an address from a name or a comment: %s', (header) => {
    expect(addresses(header)).toEqual(['real@x.com']);
  });

  it.each(['"victim@bank.com"', '=?utf-8?B?dmljdGltQGJhbmsuY29t?=', '(victim@bank.com)', 'Ann (a@b.com)'])(
    'finds no address at all in %s',
    (header) => {
      expect(addresses(header)).toEqual([undefined]);
    },
  );

  it.each(['', ' ', ',,;', 'undisclosed-recipients:;', 'a: ;, b:;', '<>', '"" <>', '()', '>'])(
    'finds nobody in "%s"',
    (header) => {
      expect(read(header)).toEqual([]);
    },
  );

  it('gives the members of a group, closed or not', () => {
    expect(addresses('Team: a@x.com, "B" <b@x.com>; c@x.com')).toEqual(['a@x.com', 'b@x.com', 'c@x.com']);
    expect(addresses('Team: a@x.com, b@x.com')).toEqual(['a@x.com', 'b@x.com']);
  });

  it('keeps a colon that is part of a name', () => {
    expect(read('Room 10:30 <a@x.com>')).toEqual([{ name: 'Room 10:30', address: 'a@x.com' }]);
  });

  it.each([
    ['josé@exämple.com', 'josé@xn--exmple-cua.com'],
    ['Ann ann@x.com', 'ann@x.com'],
    ['[Wei Zhang] wei@x.com', 'wei@x.com'],
    ['"Na Li" na@x.com (Legal)', 'na@x.com'],
    ["<'a@x.com'>", 'a@x.com'],
    ['<\u200ba@x.com\u00a0.>', 'a@x.com'],
    ['<ａ＠ｘ．ｃｏｍ>', 'a@x.com'],
    ['wei@中文.中国', 'wei@xn--fiq228c.xn--fiqs8s'],
    ['"john doe"@x.com', '"john doe"@x.com'],
    ['< a . b @ x . com >', 'a.b@x.com'],
    ['a@[IPv6:2001:db8::1]', 'a@[IPv6:2001:db8::1]'],
    ['<nodomain>', 'nodomain'],
    ['<a@x.com', 'a@x.com'],
    ['<mailto:a@x.com>', 'a@x.com'],
    ['pete(his (own) account)@silvia.test', 'pete@silvia.test'],
  ])('reads %s', (header, address) => {
    expect(addresses(header)).toEqual([address]);
  });

  it('keeps names whole, unescaped and decoded', () => {
    expect(
      read(
        '"Wei, \\"Leo\\" Li" <a@x.com>, =?gb2312?B?wO7OsA==?= =?gb2312?B?wO4=?= Leo <b@x.com>, O\'Neil-Åse <c@x.com>',
      ).map(({ name }) => name),
    ).toEqual(['Wei, "Leo" Li', '李伟李 Leo', "O'Neil-Åse"]);
  });

  it('reads three hundred members', () => {
    const header = Array.from(
      { length: 300 },
      (_, i) => `Member ${i} +4670123${1000 + i} <m${i}@x.com>`,
    ).join(',\r\n ');
    const parties = read(header);
    expect(parties).toHaveLength(300);
    expect(parties[299]).toEqual({
      name: 'Member 299 +46701231299',
      address: 'm299@x.com',
      number: '+46701231299',
      numberInName: true,
    });
  });

  it('finds an unquoted number that RFC 5322 takes for a comment', () => {
    expect(read('Bob (201) 555-0123 <b@x.com>')).toEqual([
      { name: 'Bob (201) 555-0123', address: 'b@x.com', number: '2015550123', numberInName: true },
    ]);
    expect(read('b@x.com (Bob 201-555-0123)')[0]?.number).toBe('2015550123');
  });
});

describe('a comma in a display name', () => {
  it.each<[string, [name: string, address: string | undefined][]]>([
    [
      'Zhang, Wei (Legal) <w@x.com>, Li, Na <n@x.com>',
      [
        ['Zhang, Wei', 'w@x.com'],
        ['Li, Na', 'n@x.com'],
      ],
    ],
    ['Zhang, Wei w@x.com', [['Zhang, Wei', 'w@x.com']]],
    ['Zhang, Wei +86 139 1234 5678 <w@x.com>', [['Zhang, Wei +86 139 1234 5678', 'w@x.com']]],
    ['Zhang, Wei 8613912345678', [['Zhang, Wei 8613912345678', undefined]]],
    [
      'a@x.com, Zhang, Wei <w@x.com>',
      [
        ['', 'a@x.com'],
        ['Zhang, Wei', 'w@x.com'],
      ],
    ],
    [
      'UNKNOWN, wxid_abc123, 8613912345678, Li, Na <n@x.com>',
      [
        ['UNKNOWN', undefined],
        ['wxid_abc123', undefined],
        ['8613912345678', undefined],
        ['Li, Na', 'n@x.com'],
      ],
    ],
    [
      'Zhang Wei, Li Na',
      [
        ['Zhang Wei', undefined],
        ['Li Na', undefined],
      ],
    ],
    ['=?utf-8?Q?Zh=C3=A4ng?=, =?utf-8?Q?W=C3=A9i?= <w@x.com>', [['Zhäng, Wéi', 'w@x.com']]],
  ])('never invents a recipient: %s', (header, expected) => {
    expect(read(header).map(({ name, address }) => [name, address])).toEqual(expected);
  });
});

describe('the formats in which TeleMessage writes participants', () => {
  const mobile = '8613912345678';
  it.each([
    `Wei Zhang ${mobile} <w@x.com>`,
    `"Wei Zhang ${mobile}" <w@x.com>`,
    `Zhang Wei ${mobile} <w@x.com>`,
    `Zhang, Wei ${mobile} <w@x.com>`,
    `${mobile} <w@x.com>`,
    'Wei Zhang <w@x.com>',
    'Zhang Wei <w@x.com>',
    'Zhang, Wei <w@x.com>',
  ])('%s', (header) => {
    const [party, ...others] = read(header);
    expect(others).toEqual([]);
    expect(party).toMatchObject({ address: 'w@x.com' });
    expect(party?.number).toBe(header.includes(mobile) ? mobile : undefined);
    expect(party?.numberInName).toBe(header.includes(mobile) ? true : undefined);
  });
});

describe('what the source states of a party, and what people wrote into its name', () => {
  it.each<[string, object]>([
    ['Bob <ceo@x.com> <wxid_abc>', { name: 'Bob <ceo@x.com>', address: 'wxid_abc' }],
    ['Bob <wxid_abc> <ceo@x.com>', { name: 'Bob <wxid_abc>', address: 'ceo@x.com' }],
    ['+46701234567', { name: '+46701234567', number: '+46701234567' }],
    ['<46701234567>', { name: '', address: '46701234567', number: '46701234567' }],
    ['Bob <46701234567>', { name: 'Bob', address: '46701234567', number: '46701234567' }],
    [
      '"Bob 46709999999" <46701234567>',
      { name: 'Bob 46709999999', address: '46701234567', number: '46701234567' },
    ],
    [
      '"46701234567" <b@x.com>',
      { name: '46701234567', address: 'b@x.com', number: '46701234567', numberInName: true },
    ],
    ['"46701234567"', { name: '46701234567', number: '46701234567', numberInName: true }],
    ['Bob 46701234567', { name: 'Bob 46701234567', number: '46701234567', numberInName: true }],
    [
      'First Last 46701234567 <b@x.com>',
      { name: 'First Last 46701234567', address: 'b@x.com', number: '46701234567', numberInName: true },
    ],
    [
      '46701234567 <wxid_46701234568>',
      { name: '46701234567', address: 'wxid_46701234568', number: '46701234567', numberInName: true },
    ],
  ])('%s', (header, party) => {
    expect(read(header)).toEqual([party]);
  });
});

describe('numberIn', () => {
  it.each([
    ['Li Wei +86 138 0013 8000', '+8613800138000'],
    ['Li Wei 8613800138000', '8613800138000'],
    ['(201) 555-0123', '2015550123'],
    ['Anna 070-123 45 67', '0701234567'],
    ['Jo (+44) 20.7946.0018', '+442079460018'],
    ['Jo +44 (0)20 7946 0018', '+442079460018'],
    ['Store 7 13800138000', '13800138000'],
    ['12345 then 67890', '67890'],
    ['李伟13800138000', '13800138000'],
    ['\u202a+1 650 555 0100\u202c', '+16505550100'],
    ['１３８００１３８０００', '13800138000'],
    ['Kim 010–1234–5678', '01012345678'],
  ])('reads %s', (name, number) => {
    expect(numberIn(name)).toBe(number);
  });

  it.each(['', 'Anna', 'Floor 12', 'wxid_1234567', 'user12345@x.com', 'abc12345678', '12345678abc', '1234'])(
    'finds no number in "%s"',
    (name) => {
      expect(numberIn(name)).toBeUndefined();
    },
  );
});
