import { decodeText } from '../../shared/mail/encoded-words';

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

  it('decodes raw bytes inside encoded words and beside them', () => {
    const gbk = Buffer.from('c4e3bac3', 'hex').toString('latin1');
    expect(decodeText(`=?gb2312?Q?${gbk}?=`)).toBe('你好');
    expect(decodeText(`${gbk} =?utf-8?Q?=C3=A9?=`, 'gbk')).toBe('你好 é');
  });

  it('decodes a raw UTF-7 subject only in a UTF-7 mail', () => {
    expect(decodeText('Hi +ZeVnLIqe-', 'utf-7')).toBe('Hi 日本語');
    expect(decodeText('1+1-0', 'utf-8')).toBe('1+1-0');
  });
});
