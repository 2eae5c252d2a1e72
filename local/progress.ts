import type { WriteStream } from 'node:tty';
import type { Progress } from './run-windows';

const barWidth = 20;
const stalledMs = 60_000;

/**
 * Shows the progress of the runs: on a terminal, one line that is rewritten; in a file, a new line for every ten per
 * cent.
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

const share = ({ items, finished }: Progress) => (items === 0 ? 0 : finished / items);

function describe(progress: Progress): string {
  const { connector, fetched, items, finished, batches, closed } = progress;
  const full = Math.round(share(progress) * barWidth);
  const bar = '█'.repeat(full) + '░'.repeat(barWidth - full);
  const state = !fetched
    ? 'fetching'
    : closed === batches
      ? 'closed'
      : finished < items
        ? 'importing'
        : 'closing';
  return `${connector.padEnd(8)} ${bar} ${finished}/${items} items, ${state}`;
}

/** Watches the progress: calls `stalled` after every minute without a change. */
export function watchProgress(stalled: () => void): (progress: Progress[]) => void {
  let last = '';
  let changedAt = Date.now();
  return (progress) => {
    const now = JSON.stringify(progress);
    if (now === last && Date.now() - changedAt < stalledMs) return;
    if (now === last) stalled();
    last = now;
    changedAt = Date.now();
  };
}
