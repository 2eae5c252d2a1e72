import { createOutput } from '../../terminal/output';
import { tableLines, type Column } from '../../terminal/table';
import { fit, widthOf } from '../../terminal/text-width';

type Row = [string, string, number];
const columns: Column<Row>[] = [
  { title: 'id', value: ([id]) => id, whole: true },
  { title: 'text', value: ([, text]) => text },
  { title: 'many', value: ([, , many]) => many, right: true },
];
const rows: Row[] = [
  ['0123456789ab', '一二三四五六七八九十一二三四五六七八九十', 7],
  ['ba9876543210', 'plain text that is rather long, longer than there is room', 1234],
];

test('texts are measured in columns of a terminal, and never move its cursor', () => {
  expect(['abc', '汉字', 'é', 'e\u0301', '👍'].map(widthOf)).toEqual([3, 4, 1, 1, 2]);
  expect(fit('汉字汉字', 6)).toBe('汉字… ');
  expect(fit('a\u001b[2Jb\nc', 10)).toBe('a [2Jb c  ');
  for (const text of ['', 'abc', '汉字汉字汉字', 'e\u0301'.repeat(30)])
    for (const width of [1, 2, 5, 20])
      expect([text, width, widthOf(fit(text, width))]).toEqual([text, width, width]);
});

test('a table fits the terminal, cuts what may be cut, and keeps ids whole', () => {
  for (const width of [40, 60, 80]) {
    const lines = tableLines(columns, rows, width);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    expect(lines[1]).toContain('0123456789ab');
    expect(lines[2]).toMatch(/1234$/);
  }
});

test('a pipe gets whole lines without colours or progress', () => {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) > 0 };
  const out = createOutput(stream, {});
  out.progress('half');
  out.table(columns, rows);
  out.print(out.bad('bad'));
  expect(written.join('')).toContain(rows[1]![1]);
  expect(written.join('')).not.toMatch(/\u001b|half/);
});

test('a terminal gets colours unless NO_COLOR has a value, and progress that does not wrap', () => {
  const show = (env: Record<string, string>) => {
    const written: string[] = [];
    const stream = { isTTY: true, columns: 20, write: (text: string) => written.push(text) > 0 };
    const out = createOutput(stream, env);
    out.progress('x'.repeat(50));
    out.print(out.good('good'));
    return written;
  };
  const [progress, clear, line] = show({});
  expect(widthOf(progress!)).toBe(19);
  expect(clear).toBe('\r\u001b[2K');
  expect(line).toBe('\u001b[32mgood\u001b[39m\n');
  expect(show({ NO_COLOR: '1' }).at(-1)).toBe('good\n');
});
