import { getExampleNumber, getCountries } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/examples.mobile.json';
import { createNumbers } from '../../shared/participants/phone';

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
])('reads %j as %s without a country', (text, number) => {
  expect(read(text)).toBe(number);
});

test.each([
  '',
  '+',
  'UNKNOWN',
  'wxid_abc123',
  'wxid_8613912345678',
  '8613912345678@s.whatsapp.net',
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
  '13912345678',
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
      expect([country, form, read(form)]).toEqual([country, form, example.number]);
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
