import { getExampleNumber, getCountries } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/examples.mobile.json';
import { createNumbers, createPhoneReader } from '../../shared/participants/phone';

const read = createNumbers();

test.each([
  ['+46701234567', '+46701234567'],
  ['46701234567', '+46701234567'],
  ['0046701234567', '+46701234567'],
  ['00 46 70-123 45 67', '+46701234567'],
  ['+46 (0)70 123 45 67', '+46701234567'],
  ['(+86) 139.1234.5678', '+8613912345678'],
  ['  8613912345678 ', '+8613912345678'],
  ['＋８２　１０－１２３４－５６７８', '+821012345678'],
  ['\u202a+1 201\u00a0555\u20110123\u202c', '+12015550123'],
  ['(201) 555-0123 ', undefined],
  ['5213312345678', '+523312345678'],
  ['551191234567', '+5511991234567'],
  ['8613912345678@s.whatsapp.net', '+8613912345678'],
  ['972522345678:12@c.us', '+972522345678'],
  ['+٩٧٢٥٢٢٣٤٥٦٧٨', '+972522345678'],
  ['۰۰۹۷۲ ۵۲ ۲۳۴ ۵۶۷۸', '+972522345678'],
  ['\u200e+972 52\u2011234\u20115678\u00ad', '+972522345678'],
  ['86・139ー1234ー5678', '+8613912345678'],
  ['13912345678', '+13912345678'],
])('reads %j as %s without a country', (text, number) => {
  expect(read(text)).toBe(number);
});

test.each([
  '',
  '+',
  'UNKNOWN',
  'wxid_abc123',
  'wxid_8613912345678',
  'tel:+46701234567',
  '+46701234567 ext. 5',
  '+46701234567;ext=5',
  '+46701234567#5',
  '112',
  '10086',
  '+4670',
  '+46701234567, +46701234568',
  '46701234567.0',
  '4.67E+10',
  '++46701234567',
  '46+701234567',
  '0701234567',
  '+999123456789',
  '100000000000000000000000',
  '１２３',
  '9'.repeat(10_000),
])('does not read %j as a number', (text) => {
  expect(read(text)).toBeUndefined();
});

test.each([
  ['SE', '070-123 45 67', '+46701234567'],
  ['se', '701234567', '+46701234567'],
  ['CN', '13912345678', '+8613912345678'],
  ['CN', '139 1234 5678', '+8613912345678'],
  ['KR', '010-1234-5678', '+821012345678'],
  ['FR', '06.12.34.56.78', '+33612345678'],
  ['US', '(201) 555-0123', '+12015550123'],
  ['SE', '(201) 555-0123', undefined],
  ['US', '(0046) 70 123 45 67', '+46701234567'],
  ['SE', '+8613912345678', '+8613912345678'],
  ['SE', '8613912345678', '+8613912345678'],
  ['SE', '008613912345678', '+8613912345678'],
  ['CN', 'wxid_abc123', undefined],
  ['CN', '123', undefined],
  ['SE', '112', undefined],
])('with the country %s reads %j as %s', (country, text, number) => {
  expect(createNumbers(country)(text)).toBe(number);
});

test.each([
  ['Mexico', '5213312345678', '+52 33 1234 5678'],
  ['Argentina', '541123456789', '+54 9 11 2345-6789'],
  ['Brazil', '554188887777', '+55 41 98888-7777'],
  ['Ivory Coast, Orange', '22507123456', '+225 07 07 12 34 56'],
  ['Ivory Coast, MTN', '22544123456', '+225 05 44 12 34 56'],
  ['Ivory Coast, Moov', '22501123456', '+225 01 01 12 34 56'],
  ['Benin', '22997123456', '+229 01 97 12 34 56'],
  ['Vietnam', '841681234567', '+84 38 123 4567'],
  ['Gabon', '24107123456', '+241 77 12 34 56'],
  ['Cameroon', '23777123456', '+237 6 77 12 34 56'],
  ['Mauritius', '2307123456', '+230 5712 3456'],
  ['Ecuador', '59398123456', '+593 99 812 3456'],
  ['Djibouti', '253811234', '+253 77 81 12 34'],
  ['Sint Maarten', '5995205678', '+1 721 520 5678'],
])('reads the former form of a number of %s as the present one', (_, former, present) => {
  const number = present.replace(/[^+\d]/g, '');
  expect(read(present)).toBe(number);
  expect([former, `+${former}`, `00${former}`].map(read)).toEqual([number, number, number]);
});

describe('in a file that people write', () => {
  test.each([
    ['DE', '15225267657', '+15225267657', '+4915225267657'],
    ['CN', '13012345678', '+13012345678', '+8613012345678'],
  ])('of %s finds both readings of %s', (country, text, international, national) => {
    expect(createPhoneReader(country)(text)).toEqual({ kind: 'ambiguous', international, national });
  });

  test('finds one reading where the country is in the number', () => {
    const number = { kind: 'number', number: '+46701234567', isUnlisted: false };
    for (const text of ['46701234567', '+46701234567', '0701234567', '701234567'])
      expect(createPhoneReader('SE')(text)).toEqual(number);
  });

  test.each([
    '-701234521',
    '\u2212701234521',
    ' \u2010 701234521',
    '(-46) 701234567',
    '.46701234567',
    '/46 70',
  ])('takes %j for the work of a spreadsheet', (text) => {
    expect(createPhoneReader('SE')(text)).toEqual({ kind: 'computed' });
    expect(createNumbers('SE')(text)).toBeUndefined();
  });

  test('takes a number that no plan lists only with a plus sign', () => {
    const reader = createPhoneReader();
    expect(reader('+1 565 222 3333')).toEqual({ kind: 'number', number: '+15652223333', isUnlisted: true });
    expect(reader('15652223333')).toEqual({ kind: 'none' });
    expect(read('15652223333')).toBe('+15652223333');
  });
});

test('reads digits that are valid both ways as international', () => {
  expect(createNumbers('CN')('13012345678')).toBe('+13012345678');
  expect(createNumbers('CN')('+8613012345678')).toBe('+8613012345678');
});

test('reads the example mobile number of every country in every international form', () => {
  for (const country of getCountries()) {
    const example = getExampleNumber(country, examples);
    if (!example?.isValid()) continue;
    const spaced = example.formatInternational();
    for (const form of [example.number, example.number.slice(1), `00${example.number.slice(1)}`, spaced]) {
      // The library's example of Gabon is of the plan before 2019.
      const number = country === 'GA' ? '+24166031234' : example.number;
      expect([country, form, read(form)]).toEqual([country, form, number]);
    }
  }
});

test('reads the number it gives as the same number', () => {
  for (const text of ['46701234567', '0082 10-1234-5678', '5213312345678']) {
    const number = read(text) ?? '';
    expect(read(number)).toBe(number);
  }
});

test('gives the same answer from its cache and after the cache was emptied', () => {
  const numbers = createNumbers('SE');
  const first = [numbers('0701234567'), numbers('nobody')];
  for (let index = 0; index < 25_000; index++) numbers(`x${index}`);
  expect([numbers('0701234567'), numbers('nobody')]).toEqual(first);
  expect(first).toEqual(['+46701234567', undefined]);
});

test('throws if the country is unknown', () => {
  for (const country of ['XX', '', 'Sweden']) expect(() => createNumbers(country)).toThrow(RangeError);
});
