import { age, readStatus, type ConnectorStatus } from '../shared/evidence/status';
import { withApp } from './app';
import { verb, type Shell } from './verb';

/** Shows the state of the archive: what was fetched, what is in progress, what needs a person. */
export const statusVerb = verb({
  name: 'status',
  summary: 'shows what was fetched, what is in progress and what needs attention, and why',
  needs: 'to read blobs, queues and tables of the evidence account',
  example: '--json',
  input: {},
  run: (shell, { json, asApp }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const status = await readStatus(deps);
      const { attention } = status;
      out.print(
        attention.length === 0
          ? out.good('All is well.')
          : out.bad(
              `${attention.length === 1 ? 'One thing needs' : `${attention.length} things need`} attention:`,
            ),
      );
      for (const { what, cure } of attention) out.print(`  ${what}\n    ${out.faint('→')} ${cure}`);
      out.print();
      for (const connector of status.connectors) show(shell, connector);
      const waiting = Object.entries(status.queues).filter(([, depth]) => depth > 0);
      line(shell, 'queues', waiting.map(([name, depth]) => `${name} ${depth}`).join(', ') || 'empty');
      line(shell, 'version', status.version);
      if (json) out.print(JSON.stringify(status));
      return attention.length === 0 ? 0 : 1;
    }),
});

function show(shell: Shell, status: ConnectorStatus): void {
  const { connector, watermark, lastRun, openRuns, batches, openBatches, lastClosed } = status;
  shell.out.print(shell.out.strong(connector));
  line(
    shell,
    'fetched up to',
    watermark ?? 'no daily window yet; the first one is fetched at the next full hour',
  );
  if (lastRun) line(shell, 'last run', `${lastRun.name}, ${lastRun.from} to ${lastRun.to}, ${lastRun.state}`);
  if (openRuns.length > 0) line(shell, 'open runs', openRuns.map(({ name }) => name).join(', '));
  line(shell, 'batches', `${batches}, ${openBatches.length} of them open`);
  for (const { number, items, ageMs, split, run } of openBatches)
    line(
      shell,
      `  batch ${number}`,
      `${items} items, ${age(ageMs)} old, ${split ? '' : 'not '}split, of ${run}`,
    );
  for (const { number, closedAt, counters } of lastClosed)
    line(
      shell,
      `  batch ${number}`,
      `closed ${closedAt.slice(0, 16).replace('T', ' ')}: ${counters?.items.available ?? 0} items, ${counters?.items.delivered ?? 0} delivered, ${counters?.quarantined ?? 0} quarantined`,
    );
  const reasons = Object.entries(status.quarantine).sort(([, a], [, b]) => b - a);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  const others = status.acknowledged > 0 ? `, and ${status.acknowledged} acknowledged` : '';
  line(shell, 'quarantined items', `${total}${others}`);
  for (const [reason, count] of reasons) line(shell, `  ${reason}`, String(count));
  shell.out.print();
}

const line = ({ out: { print } }: Shell, label: string, value: string) =>
  print(`  ${label.padEnd(20)}${value}`);
