import * as z from 'zod';
import { createPeople, type People } from '../shared/evidence/people';
import { verify } from '../shared/evidence/verify';
import type { Output } from '../terminal/output';
import { findingKinds, type Finding } from '../shared/evidence/finding';
import { writeDown } from './acts';
import { withApp } from './app';
import { intervalInput, intervalOptions, intervalOf } from './days';
import { connectorInput, verb } from './verb';

/** Proves that the evidence is complete and unchanged; docs/records.md explains every finding. */
export const verifyVerb = verb({
  name: 'verify',
  summary:
    'proves that what was archived is complete and unchanged: pages, chain, windows, outcomes, counters',
  options: [
    ...intervalOptions,
    ['--connector <id>', 'only this connector'],
    ['--deep', 'look each delivery up in its mailbox, and each archived message up in the ledger'],
    ['--head <hash>', 'the hash of a manifest that was kept elsewhere, such as in a daily report'],
  ],
  needs:
    'to read blobs and tables of the evidence account, and to add to the audit trail; --deep needs the identity of the app',
  example: '--from 2026-11-20 --to 2026-11-26 --deep',
  input: {
    ...intervalInput,
    connector: connectorInput.optional(),
    deep: z.boolean().default(false),
    head: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
      .optional(),
  },
  run: (shell, { json, asApp, connector, deep, head, ...days }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const findings: Finding[] = [];
      const counts = new Map<string, number>();
      const people = createPeople(deps);
      // One after the other: a name may have to be looked up.
      let shown = Promise.resolve();
      const connectors = connector ? [connector] : deps.config.connectors;
      const verified = await verify(
        deps,
        connectors,
        { interval: intervalOf(days, deps.config.fetch.dayStarts), deep, head },
        (finding) => {
          const many = (counts.get(finding.kind) ?? 0) + 1;
          counts.set(finding.kind, many);
          if (json) findings.push(finding);
          // One cause can break a million items: the first ones say what it is.
          if (many <= shownOfKind) shown = shown.then(() => show(out, people, finding));
          if (many === shownOfKind + 1)
            shown = shown.then(() =>
              out.print(`  further findings of the kind ${finding.kind} are only counted`),
            );
        },
        ({ connector: id, batches, manifests, bytes }) =>
          out.progress(`${id}: manifest ${manifests}, ${batches} batches and ${megabytes(bytes)} checked`),
      );
      await shown;
      out.progress('');
      out.table(
        [
          { title: 'connector', value: ({ connector: id }) => id },
          { title: 'batches', value: ({ batches }) => batches, right: true },
          { title: 'open', value: ({ open }) => open, right: true },
          { title: 'pages', value: ({ pages }) => pages, right: true },
          { title: 'read', value: ({ bytes }) => megabytes(bytes), right: true },
          { title: 'items', value: ({ items }) => items, right: true },
          { title: 'deliveries', value: ({ deliveries }) => deliveries, right: true },
          ...(deep
            ? [
                {
                  title: 'messages',
                  value: ({ messages }: (typeof verified)[number]) => messages,
                  right: true,
                },
              ]
            : []),
        ],
        verified,
      );
      for (const { connector: id, head: newest } of verified)
        out.print(`head of ${id}: ${newest ?? 'no manifest yet'}`);
      const total = [...counts.values()].reduce((sum, many) => sum + many, 0);
      out.print(
        total === 0
          ? out.good('Complete and unchanged.')
          : out.bad(`${total} findings: ${[...counts].map(([kind, many]) => `${kind} ${many}`).join(', ')}.`),
      );
      const heads = Object.fromEntries(verified.map(({ connector: id, head: newest }) => [id, newest]));
      const { from = null, to = null } = intervalOf(days, deps.config.fetch.dayStarts);
      const { audit } = await writeDown(shell, deps, asApp, {
        ...{ act: 'verify', findings: total, deep, heads, from, to },
      });
      out.print(out.faint(`Entry ${audit} of the audit trail.`));
      if (json) out.print(JSON.stringify({ ok: total === 0, connectors: verified, findings }));
      return total === 0 ? 0 : 1;
    }),
});

const shownOfKind = 20;
const megabytes = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MB`;

async function show({ print, bad }: Output, people: People, finding: Finding): Promise<void> {
  const { kind, connector, batch, position, blob, userId, detail } = finding;
  const place = [
    connector,
    batch === undefined ? undefined : `batch ${batch}`,
    position === undefined ? undefined : `position ${position}`,
    userId === undefined ? undefined : await people.name(userId),
    blob,
  ].filter((one) => one !== undefined);
  print(`${bad(kind)}  ${place.join(', ')}`);
  print(`  ${findingKinds[kind]} ${detail}.`);
}
