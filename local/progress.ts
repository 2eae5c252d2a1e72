import type { WriteStream } from 'node:tty';
import type { Progress } from './run-windows';

const barWidth = 20;

/**
 * Shows how far the runs are: one line that is rewritten on a terminal, and a line per step of ten per cent
 * where the output goes to a file.
 */
export function showProgress(out: WriteStream): (progress: Progress[]) => void {
  let shown = '';
  return (progress) => {
    const line = progress.map(describe).join('   ');
    if (out.isTTY) {
      const done = progress.every(({ fetched, batches, closed }) => fetched && batches === closed);
      out.write(`\r\u001b[2K${line}${done ? '\n' : ''}`);
      return;
    }
    const step = progress.map((one) => `${Math.floor(share(one) * 10)}/${one.batches}/${one.closed}`).join();
    if (step !== shown) out.write(`${line}\n`);
    shown = step;
  };
}

const share = ({ items, settled }: Progress) => (items === 0 ? 0 : settled / items);

function describe(progress: Progress): string {
  const { connector, fetched, items, settled, batches, closed } = progress;
  const full = Math.round(share(progress) * barWidth);
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
  const state = !fetched
    ? 'fetching'
    : closed === batches
      ? 'closed'
      : settled < items
        ? 'importing'
        : 'closing';
  return `${connector.padEnd(8)} ${bar} ${settled}/${items} items, ${state}`;
}
