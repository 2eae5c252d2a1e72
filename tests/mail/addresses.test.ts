import { readAddresses } from '../../shared/mail/addresses';
import { decodeText } from '../../shared/mail/encoded-words';
import { numberIn } from '../../shared/mail/number-in-name';

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

  it.each([
    '"victim@bank.com"',
    '=?utf-8?B?dmljdGltQGJhbmsuY29t?=',
    '(victim@bank.com)',
    'Ann victim@bank.com',
    'Ann (a@b.com)',
  ])('finds no address at all in %s', (header) => {
    expect(addresses(header)).toEqual([undefined]);
  });

  it.each(['', ' ', ',,;', 'undisclosed-recipients:;', 'a: ;, b:;', '<>', '"" <>', '()', '>'])(
    'finds nobody in "%s"',
    (header) => {
      expect(read(header)).toEqual([]);
    },
  );

  it('gives the members of groups, closed or not', () => {
    expect(addresses('Team: a@x.com, "B" <b@x.com>; c@x.com')).toEqual(['a@x.com', 'b@x.com', 'c@x.com']);
    expect(addresses('Team: a@x.com, b@x.com')).toEqual(['a@x.com', 'b@x.com']);
  });

  it('keeps a colon that is part of a name', () => {
    expect(read('Room 10:30 <a@x.com>')).toEqual([{ name: 'Room 10:30', address: 'a@x.com' }]);
  });

  it.each([
    ['josé@exämple.com', 'josé@exämple.com'],
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
    });
  });

  it('finds an unquoted number that is a comment by the letter', () => {
    expect(read('Bob (201) 555-0123 <b@x.com>')).toEqual([
      { name: 'Bob (201) 555-0123', address: 'b@x.com', number: '2015550123' },
    ]);
    expect(read('b@x.com (Bob 201-555-0123)')[0]?.number).toBe('2015550123');
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
    'finds none in "%s"',
    (name) => {
      expect(numberIn(name)).toBeUndefined();
    },
  );
});

describe('decodeText', () => {
  it.each([
    ['=?utf-8?Q?a?= =?utf-8?Q?b?=', 'ab'],
    ['=?utf-8?Q?a?= b', 'a b'],
    ['=?utf-8?Q?=E4=BD?= =?utf-8?Q?=A0?=', '你'],
    ['=?utf-8?B?5L2g5a?= =?utf-8?B?W9?=', '你好'],
    ['=?ISO-8859-1*sv?q?=E5_=C4?=', 'å Ä'],
    ['=?utf-8?Q?a?==?utf-8?Q?b?=', 'ab'],
    ['x=?utf-8?Q?=C3=A9?=y', 'xéy'],
    ['=?utf-7?Q?Hi_+ZeVnLIqe-?=', 'Hi 日本語'],
    ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= =?iso-2022-jp?B?GyRCOGwbKEI=?=', '日本語'],
    ['=?utf-8?Q?line=0D=0Abreak?=', 'line break'],
    ['=?utf-8?X?a?= =?utf-8?Q?open', '=?utf-8?X?a?= =?utf-8?Q?open'],
    ['1 =? 2 ?= 3', '1 =? 2 ?= 3'],
  ])('decodes %s', (raw, text) => {
    expect(decodeText(raw)).toBe(text);
  });

  it('reads raw bytes in words, and beside them', () => {
    const gbk = Buffer.from('c4e3bac3', 'hex').toString('latin1');
    expect(decodeText(`=?gb2312?Q?${gbk}?=`)).toBe('你好');
    expect(decodeText(`${gbk} =?utf-8?Q?=C3=A9?=`, 'gbk')).toBe('你好 é');
  });

  it('reads a raw UTF-7 subject of an UTF-7 mail', () => {
    expect(decodeText('Hi +ZeVnLIqe-', 'utf-7')).toBe('Hi 日本語');
    expect(decodeText('1+1-0', 'utf-8')).toBe('1+1-0');
  });
});
