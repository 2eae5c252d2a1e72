/**
 * Numbers of a former numbering plan. WhatsApp keeps the number with which an account was opened as its id, so such
 * numbers arrive for years after the change. By every plan here the former number belongs to nobody else, so that the
 * present form is certain.
 */

interface Plan {
  former: RegExp;
  present: string | ((...groups: string[]) => string);
  /** The former form is also a valid number of the present plan, of the same subscriber. */
  isValidToo?: true;
}

const operatorOfIvoryCoast = (second: string) => (second < '4' ? '01' : second < '7' ? '05' : '07');

/** Vietnam's prefixes of eleven-digit numbers and their ten-digit successors, both without the 0. */
const vietnam: Readonly<Record<string, string>> = {
  ...{ 120: '70', 121: '79', 122: '77', 126: '76', 128: '78' },
  ...{ 123: '83', 124: '84', 125: '85', 127: '81', 129: '82' },
  ...{ 162: '32', 163: '33', 164: '34', 165: '35', 166: '36', 167: '37', 168: '38', 169: '39' },
  ...{ 186: '56', 188: '58', 199: '59' },
};

/** Source of each row: the regulator's plan, as notified to the ITU (E.164 national numbering plans) unless stated. */
const plans: readonly Plan[] = [
  // Mexico, IFT: no mobile 1 after +52 since 3 August 2019. WhatsApp ids still have it.
  { former: /^\+521(\d{10})$/, present: '+52$1', isValidToo: true },
  // Argentina, ENACOM: mobile numbers have a 9 after +54 when dialled from abroad. One subscriber, with or without it.
  { former: /^\+54(?!9)(\d{10})$/, present: '+549$1', isValidToo: true },
  // Brazil, ANATEL resolution 553/2010: a 9 before every eight-digit mobile number, area by area, until November 2016.
  { former: /^\+55(\d\d)([689]\d{7})$/, present: '+55$19$2' },
  // Ivory Coast, ARTCI, 31 January 2021: 01 (Moov), 05 (MTN) or 07 (Orange) by the second digit of a mobile number.
  {
    former: /^\+225([04-9](\d)\d{6})$/,
    present: (number, second) => `+225${operatorOfIvoryCoast(second!)}${number}`,
  },
  // Benin, ARCEP, 30 November 2024: 01 before every number.
  { former: /^\+229(\d{8})$/, present: '+22901$1' },
  // Vietnam, MIC, September to November 2018: eleven-digit mobile numbers lost a digit.
  {
    former: /^\+84(1[2689]\d)(\d{7})$/,
    present: (prefix, rest) => `+84${vietnam[prefix!] ?? prefix}${rest}`,
  },
  // Gabon, ARCEP, 2019: a second digit for the operator.
  {
    isValidToo: true,
    former: /^\+2410?([24-7])(\d{6})$/,
    present: (first, rest) =>
      `+241${{ 2: '62', 4: '74', 5: '65', 6: '66', 7: '77' }[Number(first)] ?? first}${rest}`,
  },
  // Cameroon, ART, 21 November 2014: a 6 before mobile numbers.
  { former: /^\+237([5-9]\d{7})$/, present: '+2376$1' },
  // Mauritius, ICTA, 1 September 2013: a 5 before mobile numbers.
  { former: /^\+230([4-9]\d{6}|2[59]\d{5})$/, present: '+2305$1' },
  // Ecuador, ARCOTEL, 30 September 2012: a 9 before mobile numbers.
  { former: /^\+593([89]\d{7})$/, present: '+5939$1' },
  // Djibouti, 2012: 77 before mobile numbers.
  { former: /^\+253([68]\d{5})$/, present: '+25377$1' },
  // Sint Maarten joined the North American plan on 30 September 2011.
  { former: /^\+599(5\d{6})$/, present: '+1721$1' },
];

/** The present form of a number of a former plan, E.164; undefined for any other number. */
export function presentForm(number: string): { number: string; isValidToo: boolean } | undefined {
  for (const { former, present, isValidToo = false } of plans) {
    const groups = former.exec(number)?.slice(1);
    if (!groups) continue;
    return {
      number: typeof present === 'string' ? number.replace(former, present) : present(...groups),
      isValidToo,
    };
  }
  return undefined;
}
