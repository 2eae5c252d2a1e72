const separators = '[\\s().\\-/\\u2010-\\u2015\\u00a0]';
const candidate = new RegExp(`\\(?(?:\\+\\s?)?\\(?\\d(?:${separators}{0,4}\\d)*`, 'g');

/**
 * The phone-like run of digits in a display name such as `Li Wei +86 138 0013 8000`, without its separators,
 * with the `+` where one stands; the one nearest to the name's end. Undefined where no run has five digits.
 * Says nothing about whether such a number exists. Digits that are part of a word (`wxid_12345`,
 * `user12345@host`) are none.
 */
export function numberIn(name: string): string | undefined {
  // Phones put direction marks around numbers that they copy; East Asian input gives full-width digits.
  const text = name.replace(/[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, '').normalize('NFKC');
  let found: string | undefined;
  for (const match of text.matchAll(candidate)) {
    const before = text.charAt(match.index - 1);
    const after = text.charAt(match.index + match[0].length);
    if (/[\w@]/.test(before) || /[A-Za-z_@]/.test(after)) continue;
    found = tidy(match[0]) ?? found;
  }
  return found;
}

function tidy(run: string): string | undefined {
  const words = run.trim().split(/\s+/);
  const last = words.at(-1) ?? '';
  const count = (part: string): number => part.replace(/\D/g, '').length;
  // `Store 7 13800138000`: a full number in one piece does not belong to the digits before it.
  const international = /^\(?\+/;
  const alone = international.test(run) ? count(run) > 15 : words.length > 1 && count(last) >= 10;
  const number = alone ? last : run;
  // `+44 (0)20 …`: the zero is dialled only at home.
  const digits = (international.test(number) ? number.replace('(0)', '') : number).replace(/\D/g, '');
  if (digits.length < 5) return undefined;
  return international.test(number) ? `+${digits}` : digits;
}
