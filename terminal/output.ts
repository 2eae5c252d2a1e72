import { styleText } from 'node:util';
import { tableLines, type Column } from './table';
import { fit } from './text-width';

/** Where a program prints: a terminal, or a pipe or file. */
export interface Output {
  print(line?: string): void;
  /** Rewrites the last line of a terminal; shows nothing elsewhere. */
  progress(line: string): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void;
  good(text: string): string;
  bad(text: string): string;
  strong(text: string): string;
  faint(text: string): string;
  /** Columns of the terminal; undefined for a pipe or file. */
  width: number | undefined;
}

type Stream = Pick<NodeJS.WriteStream, 'write'> & { isTTY?: boolean; columns?: number };
type Env = Readonly<Record<string, string | undefined>>;

/**
 * Output to a stream. Colours only on a terminal, and not if NO_COLOR has a value (no-color.org) or the terminal is
 * `dumb`. Progress goes to `status`, so that it never mixes with what is piped.
 */
export function createOutput(out: Stream, env: Env, status: Stream = out): Output {
  const hasColours = out.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const styled = (style: Parameters<typeof styleText>[0]) => (text: string) =>
    hasColours ? styleText(style, text, { validateStream: false }) : text;
  const width = out.isTTY ? (out.columns ?? 80) : undefined;
  const isLive = status.isTTY === true && env['TERM'] !== 'dumb';
  let shown = false;
  const clear = () => {
    if (shown) status.write('\r\u001b[2K');
    shown = false;
  };
  const output: Output = {
    width,
    print(line = '') {
      clear();
      out.write(`${line}\n`);
    },
    progress(line) {
      if (!isLive) return;
      clear();
      // One column less than there are: a full line wraps on some terminals, and each rewrite would scroll.
      status.write(fit(line, (status.columns ?? 80) - 1).trimEnd());
      shown = line !== '';
    },
    table(columns, rows) {
      const [head, ...lines] = tableLines(columns, rows, width);
      output.print(output.faint(head!));
      for (const line of lines) output.print(line);
    },
    good: styled('green'),
    bad: styled('red'),
    strong: styled('bold'),
    faint: styled('dim'),
  };
  return output;
}
