import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replayLine, runCases, type Tally } from '../../verification/fuzz/cases';
import { readTwice } from '../../verification/fuzz/mapping-files';
import { people } from '../../verification/fuzz/people';
import { openStage, type FuzzStage } from '../../verification/fuzz/stage';
import { connectorIds } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import { readItemPointer } from '../../shared/pipeline/messages';

/** A small fixed set of hostile input, and every input that once broke a promise. `npm run fuzz` runs many more cases. */

const fixtures = join(__dirname, '..', 'fixtures', 'fuzz');
const cases = 3000;

const stages: FuzzStage[] = [];
const stageWith = (parts: Partial<Deps> = {}) => {
  const stage = openStage(parts);
  stages.push(stage);
  return stage;
};
afterAll(() => Promise.all(stages.map((stage) => stage.close())));

function* numbers(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number;
}

const run = (seed: string, count: number, parts?: Partial<Deps>) =>
  runCases(seed, numbers(count), stageWith(parts));
const describeFindings = ({ found }: Tally) =>
  found.map(({ number, kind, message }) => `${number} (${kind}): ${message}`);

describe('hostile input', () => {
  let tally: Tally;
  beforeAll(async () => {
    tally = await run('every time the same', cases);
  }, 60_000);

  it('always ends as imported, partially imported, quarantined or refused with a clear error', () => {
    expect(describeFindings(tally)).toEqual([]);
    expect(tally.cases).toBe(cases);
  });

  it('comes in every kind and ends in every way', () => {
    expect(Object.keys(tally.ends).toSorted()).toEqual(
      [
        'chat',
        'damagedChat',
        'damagedMail',
        'encrypted',
        'line',
        'mail',
        'mapping',
        'message',
        'page',
        'request',
        'settings',
      ].toSorted(),
    );
    const ends = new Set(Object.values(tally.ends).flatMap((counts) => Object.keys(counts)));
    for (const end of ['imported', 'partially imported', 'event', 'accepted', 'refused', 'split'])
      expect([...ends]).toContain(end);
    for (const reason of ['unreadable', 'encrypted', 'unmapped', 'tooLarge'])
      expect([...ends]).toContain(`quarantined (${reason})`);
  });

  it('is the same for the same seed', async () => {
    const [one, other] = [await run('a seed', 100), await run('a seed', 100)];
    expect(one.ends).toEqual(other.ends);
  });
});

describe('the checks of hostile input notice', () => {
  const everybody = new Map(people.map(({ upn, userId }) => [upn, userId]));

  it('an item in the mailbox of a person whom only its text names', async () => {
    // A directory that finds the last person, who is mostly a bait, for any address.
    const { found } = await run('spoilt', 60, {
      directory: { find: () => Promise.resolve({ userId: everybody.get(people.at(-1)!.upn)! }) },
    });
    expect(found.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('reached a mailbox that nothing names'),
    );
  });

  it('a participant who is left out', async () => {
    const { found } = await run('spoilt', 60, { directory: { find: () => Promise.resolve(undefined) } });
    expect(found.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('with a mapped participant was not mapped'),
    );
  });

  it('a mail reader whose error escapes', async () => {
    const { found } = await run('spoilt', 60, {
      itemReader: {
        read: () => Promise.reject(new TypeError('no such property')),
        close: () => Promise.resolve(),
      },
    });
    expect(found.map(({ message }) => message)).toContainEqual(expect.stringContaining('TypeError'));
  });

  it('a conversion that differs from run to run', async () => {
    let nowMs = 0;
    const { found } = await run('spoilt', 60, { now: () => nowMs++ });
    expect(found.map(({ message }) => message)).toContainEqual(
      expect.stringContaining('converted in two ways'),
    );
  });
});

describe('input that once broke a promise', () => {
  const files = readdirSync(fixtures).filter((name) => !name.endsWith('.js'));
  it('is kept in tests/fixtures/fuzz', () => expect(files.length).toBeGreaterThan(3));

  it.each(files)('no longer does: %s', async (name) => {
    const input = readFileSync(join(fixtures, name));
    const [start = ''] = name.split('.');
    const connector = connectorIds.find((id) => id === start);
    if (connector)
      expect(await replayLine(stageWith(), connector, input)).toMatch(/^(imported|quarantined|event)/);
    else if (start === 'mapping') expect(readTwice(input)).toBe('refused');
    else
      expect(() => readItemPointer(JSON.parse(input.toString()))).toThrow(
        /^Expected the pointer to an item\. [^]*unknown fields$/,
      );
  });
});
