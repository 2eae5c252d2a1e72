import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bundle } from '../../local/bundles';
import { runSchedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import { firstDamage, type Search } from '../support/weakened';

const explore = (...options: string[]) =>
  promisify(execFile)(process.execPath, [bundle('explore'), ...options]);

it.each(Object.values(scenarios))(
  'scenario "$name" without faults files every item once',
  async (scenario) => {
    expect((await runSchedule(scenario, [])).findings).toEqual([]);
  },
);

// `npm run explore` adds the pairs of faults and many more random schedules.
it('no single fault and no random schedule loses, duplicates or miscounts an item', async () => {
  const { stdout } = await explore('--scenario', 'day', '--pairs', 'none', '--random', '150', '--seed', '7');
  const line = /^schedules (\d+), lost 0, duplicated 0, counters off 0$/.exec(
    stdout.trim().split('\n').at(-1)!,
  );
  expect(Number(line?.[1])).toBeGreaterThan(800);
}, 60_000);

it('a schedule can be replayed by itself', async () => {
  const { stdout } = await explore('--schedule', 'day:51.lostAnswer');
  expect(stdout).toContain('<-- lostAnswer: it takes effect, the answer is lost');
  expect(stdout.trim().split('\n').at(-1)).toBe('Nothing lost, nothing duplicated, every counter right.');
  await expect(explore('--schedule', 'day:51.nonsense')).rejects.toMatchObject({ code: 1 });
});

// Defects that the explorer found; the pipeline no longer has them.
const found: { title: string; search: Search }[] = [
  {
    title: 'a splitter that froze does not undo the counters of a batch that was closed meanwhile',
    search: { scenario: 'day', injections: [{ operation: /^import-item.send/, faults: ['freeze'] }] },
  },
  {
    title: 'a worker that froze with its claim does not create a message after its lease has ended',
    search: { scenario: 'day', injections: [{ operation: /^ledger.insert/, faults: ['freezeAfter'] }] },
  },
  {
    title:
      'a worker that froze while it extended its lease does not create a message after the lease has ended',
    search: {
      scenario: 'day',
      injections: [
        { operation: /^mailboxes.create/, faults: ['crash'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['freezeAfter'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title: 'a finished delivery whose last answer was lost is not undone after another worker has seen it',
    search: {
      scenario: 'day',
      injections: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 1.1/ },
        { operation: /^ledger.replace/, faults: ['lostAnswer'], invocation: /^import 1.1/ },
      ],
    },
  },
  {
    title: 'a finished delivery whose last two writes were sent twice is not undone',
    search: {
      scenario: 'day',
      injections: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['repeat'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['repeat'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title:
      'an incomplete message that a late request completes never counts as the copy if its removal is under way',
    search: {
      scenario: 'day',
      injections: [
        { operation: /^mailboxes.complete/, faults: ['late', 'crashLate'] },
        { operation: /^mailboxes.remove/, faults: ['stall', 'freeze', 'late', 'crashLate', 'lateAlone'] },
      ],
    },
  },
  {
    title: 'two pointers to an item whose mailbox fails all day do not retry endlessly',
    search: {
      scenario: 'redriven',
      injections: [
        { operation: /^mailboxes.create/, faults: ['broken'], invocation: /^import 2/ },
        { operation: /^mailboxes.create/, faults: ['tardy'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title: 'a worker that froze delivers nothing to those to whom the mapping led before it was changed',
    search: {
      scenario: 'mails',
      injections: [
        { operation: /^import-item.receive/, faults: ['mappingChanged'], invocation: /^import 1.1/ },
        { operation: /^mailboxes.create/, faults: ['freeze'], invocation: /^import 1.0/ },
        { operation: /^outcomes.list/, faults: ['crash'], invocation: /^reconcile/ },
      ],
    },
  },
  {
    title: 'an item that cannot be read counts as such only after another attempt to deliver it has ended',
    search: {
      scenario: 'day',
      injections: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 2/ },
        { operation: /^itemReader.read/, faults: ['deadline'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title: 'a batch that was reopened for a redrive whose worker died is closed again',
    search: {
      scenario: 'redriven',
      injections: [
        { operation: /^outcomes.replace/, faults: ['freezeAfter'], invocation: /^redrive 2/ },
        { operation: /^(batches|runs).replace/, faults: ['crashAfter'], invocation: /^redrive 2/ },
      ],
    },
  },
];

it.each(found)('$title', async ({ search }) => {
  expect(await firstDamage({}, search)).toBeUndefined();
});
