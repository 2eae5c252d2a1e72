import { decodeTransfer } from '../../shared/mail/transfer-encoding';

describe('decodeTransfer', () => {
  const decode = (bytes: Buffer | string, encoding: string, text = false): string =>
    decodeTransfer(Buffer.from(bytes as string, 'latin1'), encoding, text).toString('latin1');

  it.each(['base64', ' BASE64  ', 'Base64 (comment)', '"base64"', 'base64;'])(
    'recognises base64 written as "%s"',
    (name) => {
      expect(decode('QUJD\r\nREVG', name)).toBe('ABCDEF');
    },
  );

  it('decodes every byte value from base64 of any line length', () => {
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 31) & 255));
    for (const length of [1, 4, 60, 76, 77, 10_000]) {
      const text = bytes.toString('base64').replace(new RegExp(`.{${length}}`, 'g'), '$&\r\n');
      expect(decodeTransfer(Buffer.from(text), 'base64', false).equals(bytes)).toBe(true);
    }
  });

  it.each([
    ['junk', 'QU!JD*RE-VG', 'ABCDEF'],
    ['missing padding', 'QUJDRA', 'ABCD'],
    ['a lost last character', 'QUJDR', 'ABC'],
    ['padding in the middle', 'QQ==QkI=\r\nQ0ND', 'ABBCCC'],
    ['a footer', 'QUJDRA==\r\n\r\n-- \r\nSent from my phone\r\n', 'ABCD'],
    ['nothing', '', ''],
    ['padding alone', '====', ''],
  ])('reads base64 with %s', (_, text, expected) => {
    expect(decode(text, 'base64')).toBe(expected);
  });

  it('leaves text under a wrong base64 label readable', () => {
    expect(decode('Hello there, this is plain text.', 'base64', true)).toBe(
      'Hello there, this is plain text.',
    );
  });

  it.each([
    ['a=\r\nb', 'ab'],
    ['a=\nb', 'ab'],
    ['a= \t\r\nb', 'ab'],
    ['a \t\r\nb ', 'a\r\nb'],
    ['a =\r\nb=20', 'a b '],
    ['=e4=BD=a0', '\xe4\xbd\xa0'],
    ['1=2 =ZZ =', '1=2 =ZZ '],
    ['a\nb\r\nc\rd', 'a\nb\r\nc\rd'],
    ['\xff=00', '\xff\0'],
  ])('reads quoted-printable %j', (text, expected) => {
    expect(decode(text, 'quoted-printable')).toBe(expected);
  });

  it.each(['7bit', '8bit', 'binary', '', 'mac-binhex40', 'x-unknown'])(
    'changes nothing in the encoding "%s"',
    (name) => {
      expect(decode('a=3D \r\n\xff\0', name)).toBe('a=3D \r\n\xff\0');
    },
  );

  it('reads uuencode, even if blanks at line ends are lost', () => {
    const uuencoded = 'begin 644 a.bin\r\n#0V%T\r\n%86)C9&4\r\n!``\r\n`\r\nend\r\n';
    expect(decode(uuencoded, 'x-uuencode')).toBe('Catabcde\0');
    expect(decode('no begin line', 'uuencode')).toBe('no begin line');
  });
});
