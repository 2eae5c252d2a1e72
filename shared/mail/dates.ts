const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * Minutes east of UTC. The American zones are those of RFC 5322 section 4.3; the others are unambiguous names. By the
 * same section any other short name counts as UTC, single letters included.
 */
const zones = new Map(
  Object.entries({
    est: -300,
    edt: -240,
    cst: -360,
    cdt: -300,
    mst: -420,
    mdt: -360,
    pst: -480,
    pdt: -420,
    cet: 60,
    cest: 120,
    met: 60,
    mest: 120,
    eet: 120,
    eest: 180,
    msk: 180,
    sgt: 480,
    hkt: 480,
    jst: 540,
    kst: 540,
  }),
);

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

/** Minutes east of UTC, 0 without a zone; undefined for text that is not a zone: a guess could be hours off. */
function zoneMinutes(text: string): number | undefined {
  const words = text.replace(/^["'\s]+|["'\s]+$/g, '').toLowerCase();
  const digits = /^(?:gmt|utc|ut|z)?\s*([+-])\s*(\d{1,2}):?(\d\d)?(?!\d)/.exec(words);
  if (digits) {
    const hours = Number(digits[2]);
    const minutes = Number(digits[3] ?? 0);
    if (hours > 14 || minutes > 59) return undefined;
    return (digits[1] === '-' ? -1 : 1) * (hours * 60 + minutes);
  }
  if (words === '') return 0;
  return zones.get(words) ?? (/^[a-z]{1,5}$/.test(words) ? 0 : undefined);
}

function fullYear(digits: string): number {
  const year = Number(digits);
  // RFC 5322 section 4.3.
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

interface WrittenDate {
  year: number;
  month: number;
  day: number;
  rest: string;
}

function readDay(text: string): WrittenDate | undefined {
  const mail =
    /^(?:[a-z]+\.?\s*,?\s*)?(\d{1,2})[\s-]+([a-z]{3})[a-z]*\.?,?[\s-]+(\d{2,4})(?!\d),?\s*(.*)$/i.exec(text);
  if (mail) {
    const month = months.indexOf((mail[2] ?? '').toLowerCase());
    return { year: fullYear(mail[3] ?? ''), month, day: Number(mail[1]), rest: mail[4] ?? '' };
  }
  const iso = /^(\d{4})-(\d\d)-(\d\d)[T\s]\s*(.*)$/i.exec(text);
  if (iso)
    return { year: Number(iso[1]), month: Number(iso[2]) - 1, day: Number(iso[3]), rest: iso[4] ?? '' };
  // The form of C's asctime: the year is last, after an optional zone.
  const c =
    /^(?:[a-z]+,?\s+)?([a-z]{3})[a-z]*\.?\s+(\d{1,2}),?\s+(\d[\d:.]*\d)\s+(.*?)\s*(\d{4})\s*([+-].*)?$/i.exec(
      text,
    );
  if (!c) return undefined;
  const month = months.indexOf((c[1] ?? '').toLowerCase());
  return { year: Number(c[5]), month, day: Number(c[2]), rest: `${c[3]} ${c[4] || (c[6] ?? '')}` };
}

/**
 * The send time, ISO-8601 UTC, from the text of a Date header (RFC 5322 sections 3.3 and 4.3, ISO 8601, or C's
 * asctime). Undefined for text that is not a date and for an impossible date: a day that no calendar has, before 1980,
 * or more than a day after `receivedAt` (ISO-8601).
 */
export function readMailDate(text: string, receivedAt: string): string | undefined {
  const written = readDay(withoutComments(text.slice(0, 400)).replace(/\s+/g, ' ').trim());
  if (!written) return undefined;
  const { year, month, day, rest } = written;
  const time = /^(\d{1,2})[:.](\d\d)(?:[:.](\d\d)(?:[.,]\d+)?)?\s*(?:(am|pm)(?![a-z]))?(.*)$/i.exec(rest);
  if (!time) return undefined;
  let hours = Number(time[1]);
  const half = time[4]?.toLowerCase();
  if (half && (hours < 1 || hours > 12)) return undefined;
  if (half) hours = (hours % 12) + (half === 'pm' ? 12 : 0);
  const minutes = Number(time[2]);
  const seconds = Number(time[3] ?? 0);
  // 60 is a leap second.
  if (month < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined;
  const date = new Date(Date.UTC(year, month, day));
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month || date.getUTCDate() !== day)
    return undefined;
  const zone = zoneMinutes(time[5] ?? '');
  if (zone === undefined) return undefined;
  const sentAt = Date.UTC(year, month, day, hours, minutes - zone, seconds);
  const latest = Date.parse(receivedAt) + 24 * 60 * 60 * 1000;
  return sentAt < Date.UTC(1980, 0, 1) || sentAt > latest ? undefined : new Date(sentAt).toISOString();
}
