import { readStatus, type ConnectorStatus } from '../shared/preflight/status';
import { withApp } from './app';
import { verb, type Shell } from './verb';

/** Shows the state of the archive: what was fetched, what is in progress, what needs a person. */
export const statusVerb = verb({
  name: 'status',
  summary: 'shows watermarks, windows, open batches, quarantine and queues, and what needs attention',
  needs: 'to read blobs, queues and tables of the evidence account',
  example: '--json',
  input: {},
  run: (shell, { json, asApp }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const status = await readStatus(deps);
      out.print(`version ${status.version}\n`);
      for (const connector of status.connectors) show(shell, connector);
      out.print('queues');
      for (const [name, depth] of Object.entries(status.queues)) line(shell, name, String(depth));
      if (json) out.print(JSON.stringify(status));
      return 0;
    }),
});

function show(shell: Shell, status: ConnectorStatus): void {
  const { connector, watermark, lastRun, openRuns, batches, openBatches, quarantine } = status;
  shell.out.print(connector);
  line(shell, 'fetched up to', watermark ?? 'no daily window yet');
  line(
    shell,
    'last run',
    lastRun ? `${lastRun.name}, ${lastRun.from} to ${lastRun.to}, ${lastRun.state}` : 'none',
  );
  line(shell, 'open runs', openRuns.map(({ name }) => name).join(', ') || 'none');
  line(shell, 'batches', `${batches}, ${openBatches.length} of them open`);
  for (const { number, items, ageMs, split, run } of openBatches)
    line(
      shell,
      `  batch ${number}`,
      `${items} items, ${age(ageMs)} old, ${split ? '' : 'not '}split, of ${run}`,
    );
  const reasons = Object.entries(quarantine).sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  line(shell, 'quarantined items', String(total));
  for (const [reason, count] of reasons) line(shell, `  ${reason}`, String(count));
  shell.out.print('');
}

const line = ({ out: { print } }: Shell, label: string, value: string) =>
  print(`  ${label.padEnd(24)}${value}`);

function age(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}
