import * as z from 'zod';
import { reasons } from '../shared/errors';
import { findItems, type FoundItem } from '../shared/evidence/find';
import { createPeople, type People } from '../shared/evidence/people';
import { withApp } from './app';
import { intervalInput, intervalOf, intervalOptions } from './days';
import { verb, type Shell } from './verb';

/** Finds items, and says what became of each. */
export const findVerb = verb({
  name: 'find',
  summary: 'finds an item and says where it is, what became of it, who has it, and where its raw bytes are',
  arguments: [
    [
      '<text>',
      'source id, item key, SHA-256 of the raw item, message id, CONNECTOR/BATCH/POSITION, or number or address of a participant',
    ],
  ],
  options: intervalOptions,
  needs: 'to read blobs and tables of the evidence account; names of users need the directory',
  example: 'whatsapp/12/345',
  input: { ...intervalInput, text: z.string().min(1, 'expected what to find') },
  run: (shell, { json, asApp, text, ...days }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const people = createPeople(deps);
      const found: FoundItem[] = [];
      const interval = intervalOf(days, deps.config.fetch.dayStarts);
      for await (const item of findItems(deps, text, interval, (line) => out.progress(line))) {
        found.push(item);
        await show(shell, item, people);
      }
      out.progress('');
      out.print(found.length === 0 ? 'Nothing was found.' : `${found.length} found.`);
      if (json) out.print(JSON.stringify(found));
      return found.length > 0 ? 0 : 1;
    }),
});

async function show(
  { out }: Shell,
  { connector, batch, position, run, outcome, bytes, messages }: FoundItem,
  people: People,
) {
  const line = (label: string, value: string) => out.print(`  ${label.padEnd(14)}${value}`);
  out.print(out.strong(`${connector}/${batch}/${position}`));
  line('window', `${run.from} to ${run.to} (${run.cause})`);
  if (bytes) line('raw bytes', `${bytes.length} bytes at ${bytes.offset} of ${bytes.blob}`);
  if (!outcome || outcome.kind === 'begun') line('outcome', 'none yet');
  else {
    line('outcome', `${outcome.kind}, ${outcome.settledAt}`);
    if (outcome.reason) line('reason', `${outcome.reason}: ${reasons[outcome.reason]}`);
    if (outcome.sourceId) line('source id', outcome.sourceId);
    if (outcome.sha256) line('SHA-256', outcome.sha256);
    if (outcome.itemKey) line('item key', outcome.itemKey);
    if (outcome.arrivedAt) line('arrived', outcome.arrivedAt);
  }
  for (const { userId, end, reason } of outcome?.deliveries ?? []) {
    const message = messages.find((one) => one.userId === userId)?.messageId;
    line('delivery', `${await people.name(userId)}: ${end}${reason ? `, ${reason}` : ''}`);
    if (message && end !== 'failed') line('  message', message);
  }
  out.print();
}
