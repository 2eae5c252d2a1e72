import { isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** The commonest characters of Chinese and of Korean text: they make up half of it, and a twentieth of noise. */
const hanzi = new Set(
  '的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后' +
    '小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长' +
    '知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最' +
    '间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市' +
    '眼体别处总才场师书比住员性通目华报立活难数件安表原车白应路期提感金何更反合放做系计司利受光果及今务制' +
    '解各任记边共接许特服题建度统请交认算论元社结指思非流管连资带快条变联权展该领传近周保达办运完区即求品' +
    '转量空技程告基式写收钱未持取设始双商改议形委早房据导网专包组集编谈随格讲调局根准团段终级精客证照费足' +
    '群推晚称待约选吧参复备价规确批送附',
);
const syllables = new Set(
  '이다는의에가고을를한하지은도로서기사시자어나일리대해정인아있그수들부구전라장보게스상제주원과안만여동' +
    '모요면니용공회신었으생위국거우성경관유비조미오양연세화후내실등진물습민없학중무소방바계적와분금간강통' +
    '러본말드마더선결약확개반직행발운체권업할입증건문현산당때같또호영것음식명최합단녕갑감출료김박저네예매' +
    '납품월견송첨파련',
);

/**
 * Korean in EUC-KR and Chinese in GB 2312 have the same bytes: told apart by which reading makes words. The
 * rows must be those of Hangul throughout, else it is Chinese.
 */
function koreanOrChinese(bytes: Buffer): string {
  const common = (charset: string, characters: Set<string>): number => {
    let count = 0;
    for (const character of iconv.decode(bytes, charset)) if (characters.has(character)) count++;
    return count;
  };
  return common('cp949', syllables) > common('gb18030', hanzi) ? 'iconv:cp949' : 'gb18030';
}

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
  let big5 = 0;
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
    if (lead >= 0xa1 && lead <= 0xc6 && trail >= 0x40 && (trail <= 0x7e || trail >= 0xa1)) big5++;
  }
  if (pairs === 0) return undefined;
  if (shiftedKana * 4 >= pairs) return 'shift_jis';
  if (eucPairs === pairs) {
    if (kana * 3 >= pairs && pairs >= 4) return 'euc-jp';
    if (hangul * 20 >= pairs * 19 && pairs >= 2) return koreanOrChinese(bytes.subarray(0, 10_000));
    // Latin text with two accents side by side pairs up too, but seldom throughout.
    return pairs >= 2 ? 'gb18030' : undefined;
  }
  // Big5 has half of its second bytes below 0x80 and its common characters in the lower rows.
  if (big5 === pairs && (lowTrails < pairs || dense(bytes, pairs)) && lowTrails * 5 >= pairs)
    return 'iconv:big5';
  // GBK beyond GB 2312 is rare characters between common ones; accented letters before plain ones are Latin.
  return eucPairs * 2 >= pairs && eucPairs >= 2 ? 'gb18030' : undefined;
}

/** Nothing but pairs, so to speak: signs such as `°C` stand apart from each other. */
function dense(bytes: Buffer, pairs: number): boolean {
  let blanks = 0;
  for (const byte of bytes) if (byte <= 0x20) blanks++;
  return pairs >= 2 && pairs * 2 * 5 >= (bytes.length - blanks) * 4;
}
