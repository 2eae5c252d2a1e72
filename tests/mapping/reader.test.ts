import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMapping, type MappingProblem } from '../../shared/mapping/reader';

const folder = join(__dirname, '../fixtures/mappings');
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.csv'))
  .map((name) => name.slice(0, -'.csv'.length));

interface Expected {
  options?: { country?: string; maxRows?: number };
  ok: boolean;
  rows?: number;
  ignored?: string[];
  warnings?: MappingProblem[];
  finds?: { number: string; at: string; address: string | null }[];
  errors?: MappingProblem[];
}

function parse(csv: string, options: { country?: string; maxRows?: number } = {}) {
  return parseMapping(Buffer.from(csv), { maxRows: 1000, ...options });
}

function errorsOf(result: ReturnType<typeof parse>): MappingProblem[] {
  if (result.ok) throw new Error('the file was accepted');
  return result.errors;
}

function mappingOf(result: ReturnType<typeof parse>) {
  if (!result.ok) throw new Error(`the file was refused: ${JSON.stringify(result.errors)}`);
  return result.mapping;
}

test.each(cases)('reads the mapping file %s.csv as expected', (name) => {
  const expected = JSON.parse(readFileSync(join(folder, `${name}.expected.json`), 'utf8')) as Expected;
  const bytes = readFileSync(join(folder, `${name}.csv`));
  const result = parseMapping(bytes, { maxRows: 1000, ...expected.options });
  if (!expected.ok) {
    expect(result).toEqual({ ok: false, errors: expected.errors });
    return;
  }
  const mapping = mappingOf(result);
  expect({ rows: mapping.rows, ignored: mapping.ignored, warnings: mapping.warnings }).toEqual({
    rows: expected.rows,
    ignored: expected.ignored,
    warnings: expected.warnings ?? [],
  });
  expect(expected.finds?.length).toBeGreaterThan(0);
  for (const { number, at, address } of expected.finds ?? []) {
    expect({ number, at, address: mapping.find(number, at) ?? null }).toEqual({ number, at, address });
  }
});

test('reads the same rows with any line end and separator, with or without byte order mark', () => {
  const rows = [
    ['Mobile number', 'Note', 'Email address', 'Valid to'],
    ['+46701234567', 'a;b,c\td "e"', 'anna@contoso.com', ''],
    ['+8613912345678', '李, 雷', 'lei@contoso.com', '2025-12-31'],
  ];
  const quote = (cell: string) => `"${cell.replaceAll('"', '""')}"`;
  for (const end of ['\n', '\r\n', '\r']) {
    for (const delimiter of [',', ';', '\t']) {
      for (const mark of ['', '\ufeff']) {
        for (const last of ['', end]) {
          const csv = mark + rows.map((row) => row.map(quote).join(delimiter)).join(end) + last;
          const { rows: count, find } = mappingOf(parse(csv));
          expect(count).toBe(2);
          expect(find('+46701234567', '2025-06-01T00:00:00Z')).toBe('anna@contoso.com');
          expect(find('+8613912345678', '2025-06-01T00:00:00Z')).toBe('lei@contoso.com');
          expect(find('+8613912345678', '2026-01-01T00:00:00Z')).toBeUndefined();
        }
      }
    }
  }
});

test('lists at most a hundred problems', () => {
  const csv = ['Mobile number,Email address', ...Array.from({ length: 500 }, () => 'x,y')].join('\n');
  const errors = errorsOf(parse(csv));
  expect(errors).toHaveLength(100);
  expect(errors[0]).toMatchObject({ line: 2, column: 1 });
});

test('lists at most a hundred overlaps, even if far more rows share a number', () => {
  const rows = Array.from({ length: 100_000 }, (_, index) => `+46701234567,u${index}@contoso.com`);
  const errors = errorsOf(parse(['Mobile number,Email address', ...rows].join('\n'), { maxRows: 200_000 }));
  expect(errors).toHaveLength(100);
  expect(errors[0]).toMatchObject({ code: 'overlap', line: 3, found: expect.stringContaining('line 2') });
});

test('finds an overlap between rows that are not next to each other', () => {
  const csv = [
    'Mobile number,Email address,Valid from,Valid to',
    '+46701234567,anna@contoso.com,2025-01-01,2025-12-31',
    '+46701234567,anna@contoso.com,2025-02-01,2025-02-02',
    '+46701234567,bo@contoso.com,2025-11-01,',
  ].join('\n');
  expect(errorsOf(parse(csv))).toMatchObject([{ code: 'overlap', line: 4 }]);
});

test('shortens what it quotes from a file to one line of at most 60 characters', () => {
  const long = 'z'.repeat(5000);
  const [error] = errorsOf(parse(`Mobile number,Email address\n"${long}\u0007\n${long}",anna@contoso.com`));
  expect([...(error?.found ?? '')].length).toBe(61);
  const [control] = errorsOf(parse('Mobile number,Email address\n"a\u001b\nb",anna@contoso.com'));
  expect(control?.found).toBe('a b');
});

test('refuses a row of more than 64 KiB', () => {
  const csv = `Mobile number,Email address\n+46701234567,"${'a\n'.repeat(50_000)}`;
  expect(errorsOf(parse(csv))).toMatchObject([{ code: 'quotes' }]);
});

test('throws if the country has no numbering plan', () => {
  expect(() => parse('Mobile number,Email address\n', { country: 'XX' })).toThrow(RangeError);
});

test('reads 50,000 rows', () => {
  const rows = Array.from({ length: 50_000 }, (_, i) => `+8613${900_000_000 + i},user${i}@contoso.com`);
  const mapping = mappingOf(parse(['手机号码,邮箱', ...rows].join('\r\n'), { maxRows: 200_000 }));
  expect(mapping.rows).toBe(50_000);
  expect(mapping.find('+8613900049999', '2025-01-01T00:00:00Z')).toBe('user49999@contoso.com');
});

test('reads every example in docs/mapping.md', () => {
  const page = readFileSync(join(__dirname, '../../docs/mapping.md'), 'utf8');
  const examples = [...page.matchAll(/```csv\n(.*?)```/gs)].map(([, csv = '']) => csv);
  expect(examples).toHaveLength(5);
  for (const csv of examples) {
    const { rows, ignored } = mappingOf(parse(csv));
    expect({ rows: rows > 0, ignored }).toEqual({ rows: true, ignored: [] });
  }
});
