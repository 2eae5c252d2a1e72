import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import { presentForm } from './renumbered';

/** Reads a phone number as a feed wrote it: gives E.164, or undefined if there is any doubt. */
export type Numbers = (text: string) => string | undefined;

/** What a text is as a phone number. */
export type PhoneReading =
  | {
      kind: 'number';
      /** E.164. */
      number: string;
      /** Its length is right, but no numbering plan that the library knows has it: plans grow. */
      isUnlisted: boolean;
    }
  /** Digits that are valid as an international and as a national number; both in E.164. */
  | { kind: 'ambiguous'; international: string; national: string }
  /** A separator before the first digit: a spreadsheet has computed `+46-70…`, or the text is no number at all. */
  | { kind: 'computed' }
  | { kind: 'none' };

/** A group chat repeats its members in every item; parsing a number takes some microseconds, the cache almost none. */
const maxCached = 20_000;

/** Longer than any number with separators; a longer text never reaches the library. */
const maxLength = 64;
const fewestUnlistedDigits = 8;

/** Marks without width that phones and chats put around copied text. */
export const invisible = /\p{Cf}/gu;
/** Blanks, dots, hyphens of every script, slashes, parentheses. */
export const separatorClass = '\\s.\\-/()\\p{Pd}\\u2043\\u2212\\u00b7\\u30fb\\u30fc';
const separators = new RegExp(`[${separatorClass}]`, 'gu');
const startsWithSeparator = /^[^\d]*[.\-/\p{Pd}\u2043\u2212]/u;

/** A number that a spreadsheet or data frame treated as a decimal: its zero would be read as another digit. */
const decimal = /^\+?\d{7,}[.,]0+$/;

/** The id of a WhatsApp account: the international number, perhaps with the number of a device. */
const accountId = /^(\d{5,20})(?:[.:]\d{1,5}){0,2}@(?:s\.whatsapp\.net|c\.us)$/i;

/** The text with plain digits and hyphens, whatever script or width they had, and without invisible marks. */
export function plainDigits(text: string): string {
  return text
    .normalize('NFKC')
    .replace(invisible, '')
    .replace(/[^\0-\x7f]/gu, (char) => (/\p{Nd}/u.test(char) ? digitValue(char) : char));
}

/** Unicode keeps the ten digits of a script side by side, zero first. */
function digitValue(char: string): string {
  const point = char.codePointAt(0)!;
  let zero = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((point - zero) % 10);
}

/** The number in the id of a WhatsApp account, as digits; undefined for any other text. */
export const numberOfAccount = (text: string): string | undefined => accountId.exec(text.trim())?.[1];

/**
 * Creates the reader of phone numbers.
 *
 * - A number that begins with `+` or `00`, or is the id of a WhatsApp account, is international.
 * - Digits that begin with an area code in parentheses, the national notation of ITU-T E.123, are only read as a
 *   national number; (201) 555-0123 would otherwise be a number in Egypt.
 * - Other digits are an international number without `+`, as TeleMessage writes it, if they are valid as one, or a
 *   national number of the country, if one is set; if they are both, the reading is ambiguous.
 * - Anything else (letters, extensions, user ids, short codes, numbers outside every numbering plan) is not a number. A
 *   wrong guess would put a record in a stranger's mailbox.
 *
 * Spaces, dots, hyphens, slashes and parentheses may separate digits; digits of all scripts count as plain ones. Numbers
 * of a former numbering plan get their present form.
 *
 * @param country ISO 3166 alpha-2 code of the country whose national numbers are read, if any
 * @throws RangeError if no numbering plan is known for the country
 */
export function createPhoneReader(country?: string): (text: string) => PhoneReading {
  const home = country === undefined ? undefined : countryCode(country);

  return (text) => {
    if (text.length > maxLength) return { kind: 'none' };
    const plain = plainDigits(text).trim();
    if (startsWithSeparator.test(plain)) return { kind: 'computed' };
    if (decimal.test(plain)) return { kind: 'none' };
    const account = numberOfAccount(plain);
    const digits = account === undefined ? plain.replace(separators, '') : `+${account}`;
    if (!/^\+?\d{5,20}$/.test(digits)) return { kind: 'none' };
    if (digits.startsWith('+')) return international(digits, true);
    if (digits.startsWith('00')) return international(`+${digits.slice(2)}`, true);
    const national = home && valid(digits, home);
    const abroad = plain.startsWith('(') ? none : international(`+${digits}`, false);
    if (national === undefined) return abroad;
    const present = withPresentForm(national);
    return abroad.kind === 'number' && abroad.number !== present
      ? { kind: 'ambiguous', international: abroad.number, national: present }
      : { kind: 'number', number: present, isUnlisted: false };
  };
}

/**
 * Creates the reader of the numbers in a feed. TeleMessage writes international digits without `+`, so of two readings
 * the international one counts. Digits that are neither are compared as an international number that no plan lists.
 *
 * @param country see `createPhoneReader`
 * @throws RangeError if no numbering plan is known for the country
 */
export function createNumbers(country?: string): Numbers {
  const reader = createPhoneReader(country);
  const cached = new Map<string, string | undefined>();

  function read(text: string): string | undefined {
    const reading = reader(text);
    if (reading.kind === 'number') return reading.number;
    if (reading.kind === 'ambiguous') return reading.international;
    const plain = plainDigits(text).trim();
    if (reading.kind !== 'none' || !/^[1-9]/.test(plain) || decimal.test(plain)) return undefined;
    const digits = reader(`+${plain}`);
    return digits.kind === 'number' ? digits.number : undefined;
  }

  return (text) => {
    if (text.length > maxLength) return undefined;
    if (cached.has(text)) return cached.get(text);
    const number = read(text);
    if (cached.size >= maxCached) cached.clear();
    cached.set(text, number);
    return number;
  };
}

const none = { kind: 'none' } as const;

function countryCode(country: string): CountryCode {
  const code = country.toUpperCase();
  if (isSupportedCountry(code)) return code;
  throw new RangeError('the country of national phone numbers must be an ISO 3166 alpha-2 code');
}

/** @param digits with `+` */
function international(digits: string, takesUnlisted: boolean): PhoneReading {
  const listed = valid(digits);
  if (listed !== undefined) return { kind: 'number', number: withPresentForm(listed), isUnlisted: false };
  const present = presentForm(digits);
  const number = present && valid(present.number);
  if (number !== undefined) return { kind: 'number', number, isUnlisted: false };
  if (!takesUnlisted || digits.length <= fewestUnlistedDigits) return none;
  const unlisted = parse(digits);
  return unlisted?.isPossible() ? { kind: 'number', number: unlisted.number, isUnlisted: true } : none;
}

/** The number that one subscriber always has: some plans give a valid number two forms. */
function withPresentForm(number: string): string {
  const present = presentForm(number);
  return (present?.isValidToo && valid(present.number)) || number;
}

function valid(digits: string, defaultCountry?: CountryCode): string | undefined {
  const number = parse(digits, defaultCountry);
  return number?.isValid() ? number.number : undefined;
}

/** `extract: false`, or the library picks the digits out of any text, such as wxid_8613912345678. */
const parse = (digits: string, defaultCountry?: CountryCode) =>
  parsePhoneNumberFromString(digits, { extract: false, ...(defaultCountry && { defaultCountry }) });
