import { parseArgs } from 'node:util';
import { createOutput } from '../../terminal/output';
import { benches } from './benches';
import { isMet, type Figure } from './figure';

/**
 * `npm run bench`: measures the app against the limits that nothing can beat, or against a peer, in the same run. A figure
 * that misses its goal is explained in docs/decisions.md; it does not fail the run, because times depend on the machine.
 */

const usage = `npm run bench [-- NAME… --json]
${benches.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}`;

const shown = (value: number) =>
  value === 0 ? '0' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

async function main(): Promise<number> {
  const options = { json: { type: 'boolean', default: false }, help: { type: 'boolean' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
  if (values.help || unknown.length > 0) {
    process.stderr.write(`${unknown.map((name) => `There is no bench "${name}".\n`).join('')}${usage}\n`);
    return values.help ? 0 : 2;
  }
  const out = createOutput(process.stdout, process.env, process.stderr);
  const chosen = benches.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  const figures: Figure[] = [];
  for (const bench of chosen) {
    const startedAt = Date.now();
    const tell = (step: string) => out.progress(`${bench.name}: ${step}`);
    tell(bench.about);
    const found = await bench.run(tell);
    figures.push(...found);
    if (values.json) continue;
    out.print(out.strong(`${bench.name}: ${bench.about} (${Math.round((Date.now() - startedAt) / 1000)} s)`));
    out.table<Figure>(
      [
        { title: 'figure', value: ({ name }) => name, whole: true },
        { title: 'ours', value: ({ ours, unit }) => `${shown(ours)} ${unit}`.trim(), right: true },
        { title: 'against', value: ({ other, unit }) => `${shown(other)} ${unit}`.trim(), right: true },
        { title: '', value: ({ against }) => against },
        { title: 'ratio', value: ({ ratio }) => shown(ratio), right: true },
        {
          title: 'spread',
          value: ({ spread }) => (spread ? spread.map(shown).join(' to ') : ''),
          right: true,
        },
        { title: 'goal', value: ({ goal }) => `≤ ${goal}`, right: true },
        { title: '', value: (figure) => (isMet(figure) ? 'met' : 'MISSED') },
      ],
      found,
    );
    out.print();
  }
  if (values.json) out.print(JSON.stringify({ node: process.version, figures }));
  else out.print(`${figures.filter(isMet).length} of ${figures.length} goals are met.`);
  return 0;
}

void main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
