import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';

/** Reads a phone number as a person or a feed wrote it: gives E.164, or undefined if there is any doubt. */
export type Numbers = (text: string) => string | undefined;

/** A group chat repeats its members in every item; parsing a number takes some microseconds, the cache almost none. */
const maxCached = 20_000;

/** Longer than any number with separators; a longer text never reaches the library. */
const maxLength = 48;

/** Zero-width marks that phones and chats put around copied text. */
export const invisible = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
const separators = /[\s.\-\u2010-\u2015\u2212()/]/g;

/** A number that a spreadsheet or data frame treated as a decimal: its zero would be read as another digit. */
const decimal = /^\+?\d{7,}[.,]0+$/;

/**
 * Former forms that older accounts still have as their id. No other subscriber can have such a number, so the present
 * form is certain.
 */
const renumbered: readonly { former: RegExp; present: string }[] = [
  // Mexico dropped the mobile 1 after +52 in August 2019.
  { former: /^\+521(\d{10})$/, present: '+52$1' },
  // Brazil put a 9 before every eight-digit mobile number, area by area, until November 2016.
  { former: /^\+55(\d\d)([689]\d{7})$/, present: '+55$19$2' },
];

/**
 * Creates the reader of phone numbers.
 *
 * - A number that begins with `+` or `00` is international.
 * - Only digits: an international number without `+`, as TeleMessage writes it, if it is valid as one; otherwise,
 *   if a country is set, a national number of that country. Digits that are valid both ways are international.
 * - Digits that begin with an area code in parentheses, the national notation of ITU-T E.123, are only read as a
 *   national number; (201) 555-0123 would otherwise be a number in Egypt.
 * - Anything else (letters, extensions, user ids, short codes, numbers outside every numbering plan) is not a
 *   number. A wrong guess would put a record in a stranger's mailbox.
 *
 * Spaces, dots, hyphens, slashes and parentheses may separate digits; full-width forms count as plain ones.
 *
 * @param country ISO 3166 alpha-2 code of the country whose national numbers are read, if any
 * @throws RangeError if no numbering plan is known for the country
 */
export function createNumbers(country?: string): Numbers {
  const home = country === undefined ? undefined : countryCode(country);
  const cached = new Map<string, string | undefined>();

  function read(text: string): string | undefined {
    const plain = text.normalize('NFKC').replace(invisible, '').trim();
    if (decimal.test(plain)) return undefined;
    const digits = plain.replace(separators, '');
    if (!/^\+?\d{5,20}$/.test(digits)) return undefined;
    if (digits.startsWith('+')) return international(digits);
    if (digits.startsWith('00')) return international(`+${digits.slice(2)}`);
    const isNational = plain.startsWith('(');
    return (isNational ? undefined : international(`+${digits}`)) ?? (home && valid(digits, home));
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

function countryCode(country: string): CountryCode {
  const code = country.toUpperCase();
  if (isSupportedCountry(code)) return code;
  throw new RangeError('the country of national phone numbers must be an ISO 3166 alpha-2 code');
}

function international(digits: string): string | undefined {
  const number = valid(digits);
  if (number !== undefined) return number;
  const form = renumbered.find(({ former }) => former.test(digits));
  return form && valid(digits.replace(form.former, form.present));
}

/** `extract: false`, or the library picks the digits out of any text, such as wxid_8613912345678. */
function valid(digits: string, defaultCountry?: CountryCode): string | undefined {
  const number = parsePhoneNumberFromString(digits, {
    extract: false,
    ...(defaultCountry && { defaultCountry }),
  });
  return number?.isValid() ? number.number : undefined;
}
