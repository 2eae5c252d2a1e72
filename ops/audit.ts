import type { AppDeps } from '../shared/deps';
import { createPeople, type People } from '../shared/evidence/people';
import type { Act, StoredEntry } from '../shared/storage/audit';
import { withApp } from './app';
import { intervalInput, intervalOf, intervalOptions } from './days';
import { verb } from './verb';

/** The entries of the trail, oldest first. */
export async function* entriesOf({ audit }: Pick<AppDeps, 'audit'>): AsyncGenerator<StoredEntry> {
  const head = await audit.head();
  for (let number = 1; number <= head; number++) {
    const stored = await audit.read(number);
    if (stored) yield stored;
  }
}

/** An act in a few words, with the names of users beside their ids. */
async function describeAct({ act, ...fields }: Act, people: People): Promise<string> {
  const words = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(async ([name, value]) => {
      if (name === 'userId') return `user ${await people.name(String(value))}`;
      return `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`;
    });
  return [act, ...(await Promise.all(words))].join(', ');
}

/** Shows who did what, and when. */
export const auditVerb = verb({
  name: 'audit',
  summary: 'lists who did what and when: mapping files, settings, redrives, backfills, exports, removals',
  options: intervalOptions,
  needs: 'to read the audit trail',
  example: '--from 2026-11-01',
  input: intervalInput,
  run: (shell, { json, asApp, ...days }) =>
    withApp(shell, asApp, async (deps) => {
      const { from = '', to = '~' } = intervalOf(days, deps.config.fetch.dayStarts);
      const people = createPeople(deps);
      const entries: StoredEntry['entry'][] = [];
      const acts = new Map<number, string>();
      for await (const { entry } of entriesOf(deps)) {
        if (entry.at < from || entry.at >= to) continue;
        entries.push(entry);
        acts.set(entry.number, await describeAct(entry.what, people));
      }
      shell.out.table(
        [
          { title: 'entry', value: ({ number }) => number, right: true },
          { title: 'at', value: ({ at }) => at.slice(0, 19).replace('T', ' '), whole: true },
          { title: 'who', value: ({ who }) => who.name },
          { title: 'what', value: ({ number }) => acts.get(number) ?? '' },
        ],
        entries,
      );
      if (json) shell.out.print(JSON.stringify(entries));
      return 0;
    }),
});
