import { explore, runRandom } from '../../local/explore/explorer';
import { runSchedule } from '../../local/explore/run';
import { again, day, scenarios } from '../../local/explore/scenarios';
import { firstDamage, type Search } from './weakened';

const nothing = { lost: 0, duplicated: 0, counters: 0, failures: [] };

it.each(Object.values(scenarios))('a quiet run of "$name" files every item once', async (scenario) => {
  expect((await runSchedule(scenario, [])).findings).toEqual([]);
});

// Every other one: the whole of it, and all pairs, are what `npm run explore` is for.
it('no single fault loses, repeats or miscounts an item', async () => {
  const tally = await explore({ scenarios: [day], pairs: 'none', random: 0, seed: 1, share: 0, of: 2 });
  expect(tally).toMatchObject(nothing);
  expect(tally.singles).toBeGreaterThan(300);
});

it('nor does a single fault where a window is fetched by hand as well', async () => {
  const tally = await explore({ scenarios: [again], pairs: 'none', random: 0, seed: 1, share: 0, of: 6 });
  expect(tally).toMatchObject(nothing);
  expect(tally.singles).toBeGreaterThan(100);
});

it('nor do up to four faults at random', async () => {
  for (let n = 0; n < 80; n++) {
    const { findings, schedule } = await runRandom(n % 2 === 0 ? day : again, `jest/${n}`);
    expect({ schedule, findings }).toEqual({ schedule, findings: [] });
  }
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
    title: 'a delivery whose last answer was lost is not taken back once others saw it done',
    search: {
      scenario: 'day',
      turns: [
        { operation: /^import-item.receive/, faults: ['redeliver'], invocation: /^import 1.1/ },
        { operation: /^ledger.replace/, faults: ['lostAnswer'], invocation: /^import 1.1/ },
      ],
    },
  },
];

it.each(found)('$title', async ({ search }) => {
  expect(await firstDamage({}, search)).toBeUndefined();
});
