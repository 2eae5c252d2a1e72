import { enrichedText } from '../../shared/mail/body-text';

describe('enrichedText', () => {
  it.each([
    ['<bold>hi</bold> there', 'hi there'],
    ['<<tag> &amp; <</tag>', '<tag> &amp; </tag>'],
    ['a <color><param>red</param>b</color> c', 'a b c'],
    ['a<PARAM>x\n\n<<y</Param>b', 'ab'],
    ['a<param>never closed', 'anever closed'],
    ['one\r\ntwo\nthree', 'one two three'],
    ['one\r\n\r\ntwo\n\n\nthree', 'one\ntwo\n\nthree'],
    ['<nofill>a\n\nb</nofill>\nc', 'a\n\nb c'],
    ['1 < 2, <a href="x">, <-', '1 < 2, <a href="x">, <-'],
    [`<${'x'.repeat(61)}>`, `<${'x'.repeat(61)}>`],
    ['the end\r\n', 'the end\r\n'],
    ['', ''],
  ])('reads the enriched text %j', (text, words) => {
    expect(enrichedText(text, 'text/enriched')).toBe(words);
  });

  it.each([
    ['a<nl>b<NL>c', 'a\nb\nc'],
    ['<lt>b> &amp;', '<b> &amp;'],
    ['<<bold>x</bold>', '<x'],
    ['a<comment>not <bold>shown</bold></comment>b', 'ab'],
    ['one\r\ntwo', 'one two'],
    ['<paragraph>one</paragraph>two', 'one\ntwo'],
    ['<param>kept</param>', 'kept'],
  ])('reads the rich text %j', (text, words) => {
    expect(enrichedText(text, 'text/richtext')).toBe(words);
  });
});
