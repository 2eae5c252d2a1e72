import iconv from 'iconv-lite';
import { decodeBytes } from '../../shared/mail/charset';

const encoded = (text: string, charset: string): Buffer => iconv.encode(text, charset);

describe('decodeBytes', () => {
  it.each([
    ['gb2312', 'gb18030', '合同 㐀 镕 €'],
    ['GBK', 'gbk', '朱镕基'],
    ['x-gbk', 'gbk', '你好'],
    ['gb18030', 'gb18030', '😀 ok'],
    ['big5-hkscs', 'big5hkscs', '會議 𠕇'],
    ['ks_c_5601-1987', 'cp949', '똠방각하 펲시콜라'],
    ['cp949', 'cp949', '뷁'],
    ['"UTF-8"', 'utf-8', 'å 你 😀'],
    ['utf8', 'utf-8', 'é'],
    ['windows-31j', 'cp932', '①ソ表～'],
    ['cp850', 'cp850', 'Größe'],
    ['iso-8859-15', 'iso-8859-15', '5 € Œuvre'],
    ['windows-1251', 'windows-1251', 'Привет'],
    ['utf-7', 'utf-7', 'Hi 日本語'],
    ['utf-16be', 'utf-16be', '你好'],
    ['utf-16', 'utf-16be', 'hello'],
    ['utf-32le', 'utf-32le', 'hå'],
    ['UTF-32BE', 'utf-32be', 'hå 你 😀'],
    ['utf-32', 'utf-32le', 'hå 你 😀'],
    ['utf-32', 'utf-32be', 'hå 你 😀'],
    ['ucs-4', 'utf-32be', '你好'],
    ['ISO-10646-UCS-4', 'utf-32be', '你好'],
    ['ucs-4le', 'utf-32le', '你好'],
    ['macintosh', 'macintosh', 'ä'],
  ])('reads %s', (label, charset, text) => {
    expect(decodeBytes(encoded(text, charset), label)).toBe(text);
  });

  it('reads all of windows-1252, although some runtimes read 0x80 to 0x9F as Latin-1', () => {
    expect(decodeBytes(Buffer.from([0x80, 0x93, 0x94, 0x81]), 'iso-8859-1')).toBe('€“”\u0081');
  });

  it.each([
    ['us-ascii', 'räksmörgås 你好', 'utf-8'],
    ['iso-8859-1', '你好', 'utf-8'],
    ['utf-8', '你好，朋友们', 'gbk'],
    ['utf-8', 'Möte på måndag', 'windows-1252'],
    ['utf-16', 'plain ASCII', 'ascii'],
    ['utf-32', 'plain ASCII text', 'ascii'],
    ['utf-32le', '你好', 'utf-32be'],
    ['utf-7', 'call +4670 or 1+1', 'ascii'],
    ['utf-7', 'räksmörgås', 'utf-8'],
    ['utf-7', 'Größe', 'windows-1252'],
    ['no-such-charset', 'Größe', 'windows-1252'],
    ['hex', 'Größe', 'windows-1252'],
    ['constructor', 'Größe', 'windows-1252'],
    ['base64', 'QUJD', 'ascii'],
    [undefined, '合同已签', 'gbk'],
    [undefined, '今天下午三點開會', 'big5'],
    [undefined, '안녕하세요 반갑습니다', 'cp949'],
    [undefined, '계약 확인', 'cp949'],
    [undefined, 'お世話になっております', 'shift_jis'],
    [undefined, 'お世話になっております', 'euc-jp'],
    [undefined, '«l’été» Ça va ? 5°C 20°C', 'windows-1252'],
    [undefined, 'ÅÄÖ', 'windows-1252'],
    ['koi8-r', 'Привет', 'utf-8'],
    ['gb2312', '你好', 'utf-8'],
    ['gb2312', '联通', 'gbk'],
  ])('overrules the label %s on "%s" in %s', (label, text, charset) => {
    expect(decodeBytes(encoded(text, charset), label)).toBe(text);
  });

  it('reads unlabelled bytes in the charset of the rest of the mail', () => {
    expect(decodeBytes(encoded('Привет всем', 'koi8-r'), undefined, 'koi8-r')).toBe('Привет всем');
  });

  it('keeps the rest of a text in which single bytes are broken', () => {
    const bytes = Buffer.concat([Buffer.from('你好，朋友们 caf'), Buffer.from([0xe9]), Buffer.from(' 结束')]);
    expect(decodeBytes(bytes, 'utf-8')).toBe('你好，朋友们 caf\ufffd 结束');
    expect(decodeBytes(bytes)).toBe('你好，朋友们 café 结束');
    expect(decodeBytes(Buffer.from('你好，朋友们').subarray(0, -1), 'utf-8')).toBe('你好，朋友\ufffd');
  });

  it('reads escape sequences without a label', () => {
    expect(decodeBytes(Buffer.from('\x1b$BF|K\\8l\x1b(B ok', 'latin1'))).toBe('日本語 ok');
  });

  it('removes byte-order marks and believes them', () => {
    expect(decodeBytes(Buffer.from('\ufeffhi é'), 'iso-8859-1')).toBe('hi é');
    expect(decodeBytes(Buffer.from('\ufeff你好', 'utf16le'), 'utf-8')).toBe('你好');
  });

  it.each(['utf-32le', 'utf-32be'])('believes the byte-order mark of %s, whatever the label', (charset) => {
    for (const label of [undefined, 'utf-32', 'utf-8', 'utf-16le'])
      expect(decodeBytes(encoded('\ufeff你好 😀', charset), label)).toBe('你好 😀');
  });

  it('reads UTF-16 that begins like the mark of UTF-32', () => {
    expect(decodeBytes(Buffer.from('\ufeff\0好的', 'utf16le'))).toBe('\ufffd好的');
  });

  it('keeps the rest of a UTF-32 text that is cut within a character', () => {
    expect(decodeBytes(encoded('你好', 'utf-32le').subarray(0, -1), 'utf-32')).toBe('你\ufffd');
  });

  it.each(['+-', 'a+AD4-b', '+AD4 b', '1 +- 1 +AD0- 2', 'x +2D3eAA-'])('reads the UTF-7 %s', (text) => {
    expect(decodeBytes(Buffer.from(text), 'utf-7')).toBe(iconv.decode(Buffer.from(text), 'utf-7'));
  });

  it.each(['a + b', '+A', '+AD5-', '+ADB', 'a+2AA-b', '+AD4- and +49'])(
    'leaves "%s" as it is, because it is not valid UTF-7',
    (text) => {
      expect(decodeBytes(Buffer.from(text), 'utf-7')).toBe(text);
    },
  );

  it('replaces NUL and lone surrogates', () => {
    expect(decodeBytes(Buffer.from('a\0b'), 'utf-8')).toBe('a\ufffdb');
    expect(decodeBytes(Buffer.from('a+AAA-b'), 'utf-7')).toBe('a\ufffdb');
    expect(decodeBytes(encoded('\ufeffa\0b', 'utf-32le'))).toBe('a\ufffdb');
  });

  it('never throws', () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 7) & 255));
    for (const label of [
      'utf-8',
      'gb18030',
      'big5',
      'euc-kr',
      'iso-2022-jp',
      'iso-2022-kr',
      'hz',
      'utf-7',
      'utf-16',
      'utf-32',
      'utf-32be',
      '',
      '\0',
      'a'.repeat(1000),
      '__proto__',
    ]) {
      expect(typeof decodeBytes(bytes, label)).toBe('string');
    }
  });
});

describe('a declared charset', () => {
  const L = (bytes: string) => Buffer.from(bytes, 'latin1');
  it.each<[label: string, bytes: Buffer, text: string]>([
    ['utf-8', Buffer.from('你好世').subarray(0, 8), '你好\ufffd'],
    ['utf-8', Buffer.from('你好').subarray(0, 5), '你\ufffd'],
    ['utf-8', L('niv\xe5'), 'nivå'],
    ['utf-8', L('ok \xed\xa0\xbd\xed\xb8\x80!'), 'ok 😀!'],
    ['utf-8', L('ok \xed\xa0\xbd!'), 'ok \ufffd!'],
    ['windows-1251', L('\xc5\xb8'), 'Её'],
    ['iso-8859-1', L('NESCAF\xc9\xae'), 'NESCAFÉ®'],
    ['iso-8859-1', Buffer.from('Åke på'), 'Åke på'],
    ['iso-8859-1', Buffer.from('it’s'), 'it’s'],
    ['windows-1251', Buffer.from('Привет'), 'Привет'],
    ['koi8-r', L('\xc5\xa3'), 'её'],
    ['koi8-r', Buffer.from('Привет'), 'Привет'],
    ['tis-620', L('\xc2\xa1 \xc5\xa7'), 'ยก ลง'],
    ['gbk', Buffer.from('你好世界'), '你好世界'],
    ['iso-2022-jp', L('\x1b$B$"\x1b$(D0!\x1b(B'), 'あ丂'],
    ['iso-2022-jp', L('\x1b(I1\x1b(B x'), 'ｱ x'],
    ['iso-2022-kr', L('\x0e>H3gGO<<?d\x0f'), '안녕하세요'],
    ['us-ascii', Buffer.from('é'), 'é'],
    ['gbk', L('\xc1\xaa\xcd\xa8'), '联通'],
    ['iso-2022-jp', L('\x1b$(D0!\x1b$(C>H3g\x1b$A<_\x1b(B.'), '丂안녕歼.'],
    ['iso-2022-jp', L('\x1b$B$"\n\x0e1\x0f'), 'あ\nｱ'],
  ])('%s is believed, or not: %p', (label, bytes, text) => {
    expect(decodeBytes(bytes, label)).toBe(text);
  });
});
