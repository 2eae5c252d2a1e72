import { isUtf8 } from 'node:buffer';

/** Share of the bytes above 0x7F that belong to well-formed UTF-8 sequences, 0 to 1. */
export function utf8Share(bytes: Buffer): number {
  let high = 0;
  let sound = 0;
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i] ?? 0;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const length = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > 1 && i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length))) {
      high += length;
      sound += length;
      i += length;
    } else {
      high++;
      i++;
    }
  }
  return high === 0 ? 0 : sound / high;
}

/**
 * The East Asian charset that unlabelled bytes are most likely in, or undefined (then they are read as
 * windows-1252). Rests on where the common characters of each charset stand: kana rows, the Hangul rows
 * B0–C8 of KS X 1001, second bytes below 0x80 that GB 2312 never has. Bytes that do not pair up are no
 * East Asian text.
 */
export function guessCharset(bytes: Buffer): string | undefined {
  let pairs = 0;
  let lowTrails = 0;
  let hangul = 0;
  let kana = 0;
  let shiftedKana = 0;
  let eucPairs = 0;
  let big5Leads = 0;
  for (let i = 0; i < bytes.length; i++) {
    const lead = bytes[i] ?? 0;
    if (lead < 0x80) continue;
    const trail = bytes[++i] ?? 0;
    if (trail < 0x30 || trail === 0x7f || trail === 0xff || lead === 0x80 || lead === 0xff) return undefined;
    pairs++;
    if (trail < 0x80) lowTrails++;
    if (lead >= 0xa1 && trail >= 0xa1) eucPairs++;
    if (lead >= 0xb0 && lead <= 0xc8 && trail >= 0xa1) hangul++;
    if ((lead === 0xa4 || lead === 0xa5) && trail >= 0xa1) kana++;
    if ((lead === 0x82 && trail >= 0x9f) || (lead === 0x83 && trail <= 0x96)) shiftedKana++;
    if (lead >= 0xa4 && lead <= 0xf9 && (trail <= 0x7e || trail >= 0xa1)) big5Leads++;
  }
  if (pairs === 0) return undefined;
  if (shiftedKana * 4 >= pairs) return 'shift_jis';
  if (eucPairs === pairs) {
    if (kana * 3 >= pairs && pairs >= 4) return 'euc-jp';
    if (hangul * 20 >= pairs * 19 && pairs >= 8) return 'iconv:cp949';
    // Latin text with two accents side by side pairs up too, but seldom throughout.
    return pairs >= 2 ? 'gb18030' : undefined;
  }
  // Accented letters of Latin text are followed by ASCII letters: nearly all second bytes are low.
  if (lowTrails * 10 >= pairs * 9) return undefined;
  return big5Leads === pairs && lowTrails * 5 >= pairs ? 'iconv:big5' : 'gb18030';
}
