/** Languages whose names of months occur in dates: those of the product, and those of its customers' neighbours. */
const languages = ['en', 'sv', 'fr', 'de', 'da', 'nb', 'fi', 'nl', 'it', 'es', 'pt', 'pl'];

/** Abbreviations that the runtime's data does not have. */
const moreNames: Readonly<Record<string, number>> = { mrz: 2, sept: 8, fev: 1, aou: 7, mae: 2, octo: 9 };

const DAY = 24 * 60 * 60 * 1000;
const HOUR = 60 * 60 * 1000;
const MINUTE = 60 * 1000;
const earliest = Date.UTC(1980, 0, 1);

/**
 * Minutes east of UTC. The American zones are those of RFC 5322 section 4.3; the others are unambiguous names. By the
 * same section any other short name counts as UTC, single letters included.
 */
const zones: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ...{ est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480, pdt: -420 },
    ...{ wet: 0, west: 60, cet: 60, cest: 120, met: 60, mest: 120, mez: 60, mesz: 120, eet: 120, eest: 180 },
    ...{
      msk: 180,
      sgt: 480,
      hkt: 480,
      jst: 540,
      kst: 540,
      awst: 480,
      aest: 600,
      aedt: 660,
      nzst: 720,
      nzdt: 780,
    },
  }),
);

/** What else the name of a zone can mean: China, Cuba, India, Israel, Ireland, Britain, Bangladesh and others. */
const otherMeanings: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries({
    ...{ cst: [480, -300], est: [600], pst: [480], cdt: [-240, 540] },
    ...{ ist: [330, 120, 60], bst: [60, 360], ast: [-240, 180], gst: [240] },
  }),
);

/** A clock that is a little ahead makes a message seem to be sent after it arrived. */
const clockToleranceMs = HOUR;

const plainName = (name: string) =>
  name
    .normalize('NFKD')
    .replace(/\p{M}|\./gu, '')
    .toLowerCase();

let monthsByName: Map<string, number> | undefined;

/** Month from 0 by each name that means one month only. */
function monthNames(): Map<string, number> {
  if (monthsByName) return monthsByName;
  const found = new Map<string, number>(Object.entries(moreNames));
  const ambiguous = new Set<string>();
  for (const language of languages)
    for (const form of ['long', 'short'] as const)
      // With a day, as in a date: some languages have another form of the name then.
      for (const options of [{ month: form }, { month: form, day: 'numeric' }] as const) {
        const format = new Intl.DateTimeFormat(language, { ...options, timeZone: 'UTC' });
        for (let month = 0; month < 12; month++) {
          const parts = format.formatToParts(Date.UTC(2024, month, 15));
          const name = plainName(parts.find(({ type }) => type === 'month')?.value ?? '');
          if (!/^\p{L}{3,}$/u.test(name)) continue;
          if ((found.get(name) ?? month) !== month) ambiguous.add(name);
          found.set(name, month);
        }
      }
  for (const name of ambiguous) found.delete(name);
  return (monthsByName = found);
}

const english = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Month from 0; undefined for a word that names none. */
function monthOf(word: string): number | undefined {
  const name = plainName(word);
  // Nearly every date has one of these, and it means the same in every language: the other names cost 50 ms to list.
  const plain = english.indexOf(name);
  if (plain >= 0) return plain;
  const known = monthNames().get(name);
  if (known !== undefined) return known;
  const prefix = english.indexOf(name.slice(0, 3));
  return prefix >= 0 && /^[a-z]+$/.test(name) ? prefix : undefined;
}

/** Removes comments, which can be anywhere and can nest. */
function withoutComments(text: string): string {
  let depth = 0;
  let kept = '';
  for (const char of text) {
    if (char === '(') depth++;
    else if (char === ')') depth = Math.max(0, depth - 1);
    else if (depth === 0) kept += char;
    if (depth > 0 && char === '(') kept += ' ';
  }
  return kept;
}

/** One form of what people and programs write: plain digits, `-` in East Asian dates, `am` and `pm` after the time. */
function normalized(text: string): string {
  return withoutComments(text.normalize('NFKC').replace(/\p{Cf}/gu, ''))
    .replace(/(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]?/g, '$1-$2-$3 ')
    .replace(
      /(上午|오전|下午|오후)\s*(\d[\d:時时시点點分분秒초\s]*)/g,
      (_, half: string, time: string) => `${time.trim()} ${/下午|오후/.test(half) ? 'pm' : 'am'} `,
    )
    .replace(/(\d{1,2})\s*[時时시点點]\s*(\d{1,2})\s*[分분]\s*(?:(\d{1,2})\s*[秒초])?/g, (_, h, m, s) =>
      [h, m, s].filter((part) => part !== undefined).join(':'),
    )
    .replace(/\b([ap])\.\s?m\.(?![a-z])/gi, '$1m')
    .replace(/\s*:\s*/g, ':')
    .replace(/\s+/g, ' ')
    .trim();
}

interface Day {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  /** The text without the day: the time, and the zone behind it. */
  rest: string;
}

function fullYear(digits: string): number {
  const year = Number(digits);
  // RFC 5322 section 4.3.
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

const name = String.raw`(\p{L}{3,}\p{M}*)\.?`;
/** `31 May 2024`, `31-mai-24`, `den 31:a maj 2024`, `31. Oktober 2024`. */
const dayFirst = new RegExp(
  String.raw`(?<![\d:.+-])(\d{1,2})(?:st|nd|rd|th|er|:[ae]|\.)?[\s-]*(?:of |de )?${name},?[\s-]+(\d{2,4})(?!\d|:),?`,
  'iu',
);
/** `May 31, 2024`, `May 31 2024`. */
const monthFirst = new RegExp(
  String.raw`${name}[\s-]+(\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(\d{4})(?!\d|:),?`,
  'iu',
);
/** `May 31 04:00:00 CST 2024`: C's and Java's form, with the year behind time and zone. */
const yearLast = new RegExp(
  String.raw`${name}\s+(\d{1,2}),?\s+(?=\d{1,2}:)(.*?)(?<![\d+-])(\d{4})(?!\d)`,
  'iu',
);
/** `2024-05-31`, `2024/5/31`, `2024. 5. 31.` */
const yearFirst = /(?<!\d)(\d{4})\s?([-/.])\s?(\d{1,2})\s?\2\s?(\d{1,2})(?!\d)\.?[T,]?/i;
/** `31/5/2024`, `5/31/2024`, `31.5.2024`. */
const yearLastInDigits = /(?<![\d.+-])(\d{1,2})([-/.])\s?(\d{1,2})\2\s?(\d{4})(?!\d)\.?,?/;
const compact = /(?<!\d)(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)(?!\d)/i;

function readDay(text: string): Day | undefined {
  const without = (match: RegExpExecArray, instead = ' ') =>
    `${text.slice(0, match.index)}${instead}${text.slice(match.index + match[0].length)}`;
  const iso = yearFirst.exec(text);
  if (iso)
    return { year: Number(iso[1]), month: Number(iso[3]) - 1, day: Number(iso[4]), rest: without(iso) };
  const digits = compact.exec(text);
  if (digits) {
    const [, year, month, day, ...time] = digits;
    return {
      year: Number(year),
      month: Number(month) - 1,
      day: Number(day),
      rest: without(digits, ` ${time.join(':')} `),
    };
  }
  const named: [pattern: RegExp, day: number, month: number, year: number][] = [
    [dayFirst, 1, 2, 3],
    [monthFirst, 2, 1, 3],
    [yearLast, 2, 1, 4],
  ];
  for (const [pattern, day, month, year] of named) {
    const match = pattern.exec(text);
    const found = match ? monthOf(match[month] ?? '') : undefined;
    if (match && found !== undefined)
      return {
        year: fullYear(match[year] ?? ''),
        month: found,
        day: Number(match[day]),
        rest: without(match, pattern === yearLast ? ` ${match[3]} ` : ' '),
      };
  }
  const written = yearLastInDigits.exec(text);
  if (!written) return undefined;
  const [first, second] = [Number(written[1]), Number(written[3])];
  // Dots are written where the day comes first; with slashes only a number above 12 tells.
  const isDayFirst = written[2] === '.' || first > 12 || first === second;
  if (!isDayFirst && second <= 12) return undefined;
  const [day, month] = isDayFirst ? [first, second] : [second, first];
  return { year: Number(written[4]), month: month - 1, day, rest: without(written) };
}

/** Minutes east of UTC for a number such as `+0800`; undefined for text that is no such number. */
function numericZone(text: string): number | undefined {
  const [, sign, hours, minutes = '0'] = /([+-])\s*(\d{1,2}):?(\d\d)?(?!\d)/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const total = Number(hours) * 60 + Number(minutes);
  return Number(hours) > 14 || Number(minutes) > 59 ? NaN : sign === '-' ? -total : total;
}

/**
 * Minutes east of UTC, 0 without a zone; undefined for text that is not a zone: a guess could be hours off. Of several
 * meanings of a name the one counts that the arrival makes possible; if several are, that of the RFC.
 *
 * @param local the time as if it were UTC (ms)
 */
function zoneMinutes(text: string, local: number, receivedMs: number): number | undefined {
  const words = text.replace(/^["',\s]+|["',.\s]+$/g, '').toLowerCase();
  const signed = /^(?:gmt|utc|ut|z|[a-z]{2,4})?\s*[+-]/.test(words) ? numericZone(words) : undefined;
  if (signed !== undefined) return Number.isNaN(signed) ? undefined : signed;
  if (words === '') return 0;
  if (!zones.has(words) && !/^[a-z]{1,5}$/.test(words)) return undefined;
  const ofRfc = zones.get(words) ?? 0;
  const others = otherMeanings.get(words);
  if (!others) return ofRfc;
  const possible = [ofRfc, ...others].filter(
    (zone) => local - zone * MINUTE <= receivedMs + clockToleranceMs,
  );
  return possible.includes(ofRfc) ? ofRfc : (possible[0] ?? ofRfc);
}

const timePattern =
  /(?<![\d+:.-])(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,](\d{1,9}))?)?(?!\d)\s*(?:(am|pm)(?![a-z]))?/i;

/**
 * The send time, ISO-8601 UTC, from the text of a Date header or of a field: RFC 5322 sections 3.3 and 4.3, ISO 8601,
 * the forms of C, Java and JavaScript, milliseconds since 1970, and every other unambiguous order and language. Undefined
 * for text that is not a date and for an impossible date: a day that no calendar has, before 1980, or more than a day
 * after `receivedAt` (ISO-8601).
 */
export function readDate(text: string, receivedAt: string): string | undefined {
  const receivedMs = Date.parse(receivedAt);
  const plain = normalized(text.slice(0, 400));
  if (/^\d{12,13}$/.test(plain)) return plausible(Number(plain), receivedMs);
  const written = readDay(plain);
  if (!written) return undefined;
  const { year, month, day, rest } = written;
  const time = timePattern.exec(rest);
  if (!time) return undefined;
  let hours = Number(time[1]);
  const half = time[5]?.toLowerCase();
  if (half && (hours < 1 || hours > 12)) return undefined;
  if (half) hours = (hours % 12) + (half === 'pm' ? 12 : 0);
  const minutes = Number(time[2]);
  const seconds = Number(time[3] ?? 0);
  // 60 is a leap second.
  if (month < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(Date.UTC(year, month, day));
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month || date.getUTCDate() !== day)
    return undefined;
  const milliseconds = Math.floor(Number(`0.${time[4] ?? 0}`) * 1000);
  const local = Date.UTC(year, month, day, hours, minutes, seconds, milliseconds);
  const zone = zoneMinutes(rest.slice(time.index + time[0].length), local, receivedMs);
  return zone === undefined ? undefined : plausible(local - zone * MINUTE, receivedMs);
}

const plausible = (sentAt: number, receivedMs: number) =>
  sentAt < earliest || sentAt > receivedMs + DAY ? undefined : new Date(sentAt).toISOString();
