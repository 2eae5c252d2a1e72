import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bundle } from '../../local/bundles';
import { runSchedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import { firstDamage, type Search } from '../support/weakened';

const explore = (...options: string[]) =>
  promisify(execFile)(process.execPath, [bundle('explore'), ...options]);

it.each(Object.values(scenarios))('a quiet run of "$name" files every item once', async (scenario) => {
  expect((await runSchedule(scenario, [])).findings).toEqual([]);
});

// The pairs, and many more at random, are what `npm run explore` adds.
it('no single fault, and no few at random, lose, repeat or miscount an item', async () => {
  const { stdout } = await explore('--scenario', 'day', '--pairs', 'none', '--random', '150', '--seed', '7');
  const line = /^schedules (\d+), lost 0, duplicated 0, counters off 0$/.exec(
    stdout.trim().split('\n').at(-1)!,
  );
  expect(Number(line?.[1])).toBeGreaterThan(800);
}, 60_000);

it('a schedule can be run again by itself', async () => {
  const { stdout } = await explore('--schedule', 'day:51.lostAnswer');
  expect(stdout).toContain('<-- lostAnswer: it takes effect, the answer is lost');
  expect(stdout.trim().split('\n').at(-1)).toBe('Nothing lost, nothing twice, the books are right.');
  await expect(explore('--schedule', 'day:51.nonsense')).rejects.toMatchObject({ code: 1 });
});

// Found by the explorer, and mended then.
const found: { title: string; search: Search }[] = [
  {
    title: 'a splitter that froze does not undo the counters of the batch that was closed meanwhile',
    search: { scenario: 'day', turns: [{ operation: /^import-item.send/, faults: ['freeze'] }] },
  },
  {
    title: 'a worker that froze with its claim does not create a message after its lease has ended',
    search: { scenario: 'day', turns: [{ operation: /^ledger.insert/, faults: ['freezeAfter'] }] },
  },
  {
    title: 'nor after it froze while the lease was prolonged',
    search: {
      scenario: 'day',
      turns: [
        { operation: /^mailboxes.create/, faults: ['crash'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['freezeAfter'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title: 'a delivery whose last answer was lost is not taken back once others saw it done',
    search: {
      scenario: 'day',
      turns: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 1.1/ },
        { operation: /^ledger.replace/, faults: ['lostAnswer'], invocation: /^import 1.1/ },
      ],
    },
  },
  {
    title: 'nor when its last write was sent twice, and the one after it as well',
    search: {
      scenario: 'day',
      turns: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['repeat'], invocation: /^import 2/ },
        { operation: /^ledger.replace/, faults: ['repeat'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title:
      'a half-made message that is completed after all is not taken for the copy by whom its removal overtakes',
    search: {
      scenario: 'day',
      turns: [
        { operation: /^mailboxes.complete/, faults: ['late', 'crashLate'] },
        { operation: /^mailboxes.remove/, faults: ['stall', 'freeze', 'late', 'crashLate', 'lateAlone'] },
      ],
    },
  },
  {
    title: 'two pointers to an item whose mailbox fails all day do not take turns for ever',
    search: {
      scenario: 'redriven',
      turns: [
        { operation: /^mailboxes.create/, faults: ['broken'], invocation: /^import 2/ },
        { operation: /^mailboxes.create/, faults: ['tardy'], invocation: /^import 2/ },
      ],
    },
  },
  {
    title: 'a batch that was opened for a redrive which died is closed again',
    search: {
      scenario: 'redriven',
      turns: [
        { operation: /^outcomes.replace/, faults: ['freezeAfter'], invocation: /^redrive 2/ },
        { operation: /^(batches|runs).replace/, faults: ['crashAfter'], invocation: /^redrive 2/ },
      ],
    },
  },
];

it.each(found)('$title', async ({ search }) => {
  expect(await firstDamage({}, search)).toBeUndefined();
});
