import type { Output } from '../terminal/output';
import type { Progress } from './run-windows';

const barWidth = 20;
const stalledMs = 60_000;

/**
 * Shows the progress of the runs: on a terminal, one line that is rewritten and never wider than the terminal; in a file,
 * a new line for every ten per cent.
 */
export function showProgress(out: Output): (progress: Progress[]) => void {
  let shown = '';
  return (progress) => {
    if (out.width !== undefined) {
      const done = progress.every(({ fetched, batches, closed }) => fetched && batches === closed);
      // Two bars of full width do not fit beside each other in 80 columns.
      const room = Math.floor(out.width / progress.length) - 40;
      const line = progress.map((one) => describe(one, Math.max(4, Math.min(room, barWidth)))).join('   ');
      if (done) out.print(line.slice(0, out.width - 1));
      else out.progress(line);
      return;
    }
    const step = progress.map((one) => `${Math.floor(share(one) * 10)}/${one.batches}/${one.closed}`).join();
    if (step !== shown) out.print(progress.map((one) => describe(one, barWidth)).join('   '));
    shown = step;
  };
}

const share = ({ items, finished }: Progress) => (items === 0 ? 0 : finished / items);

function describe(progress: Progress, width: number): string {
  const { connector, fetched, items, finished, batches, closed } = progress;
  const full = Math.round(share(progress) * width);
  const bar = '█'.repeat(full) + '░'.repeat(width - full);
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
