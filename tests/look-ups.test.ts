import { createLookUps } from '../shared/look-ups';

/** Look-ups that the test answers, in any order. */
function open(options: { mostEntries?: number } = {}) {
  const clock = { nowMs: 0 };
  const asked: {
    key: string;
    former: string | undefined;
    answer: (found: string) => void;
    fail: (error: Error) => void;
  }[] = [];
  const lookUps = createLookUps<string, string>(
    (key, former) =>
      new Promise((answer, fail) => {
        asked.push({ key, former, answer, fail });
      }),
    { freshForMs: (found) => (found === 'nobody' ? 10 : 100), now: () => clock.nowMs, ...options },
  );
  return { lookUps, asked, clock };
}

describe('look-ups', () => {
  test('share one under way, and remember its result while it is fresh', async () => {
    const { lookUps, asked, clock } = open();
    const both = Promise.all([lookUps.find('a', 0), lookUps.find('a', 0)]);
    expect(asked).toHaveLength(1);
    asked[0]!.answer('anna');
    expect(await both).toEqual(['anna', 'anna']);

    clock.nowMs = 99;
    expect(await lookUps.find('a', 0)).toBe('anna');
    clock.nowMs = 100;
    const again = lookUps.find('a', 0);
    expect(asked[1]).toMatchObject({ key: 'a', former: 'anna' });
    asked[1]!.answer('nobody');
    expect(await again).toBe('nobody');
    clock.nowMs = 110;
    void lookUps.find('a', 0);
    expect(asked).toHaveLength(3);
  });

  test.each(['first', 'last'])(
    'never replace the result of a newer look-up with that of an older one that answers %s',
    async (order) => {
      const { lookUps, asked, clock } = open();
      const old = lookUps.find('a', 0);
      clock.nowMs = 5;
      const fresh = lookUps.find('a', 5);
      expect(asked).toHaveLength(2);
      const answers = [() => asked[0]!.answer('before'), () => asked[1]!.answer('since')];
      for (const answer of order === 'first' ? answers : answers.reverse()) {
        answer();
        await Promise.resolve();
      }
      expect(await Promise.all([old, fresh])).toEqual(['before', 'since']);
      expect(await lookUps.find('a', 5)).toBe('since');
      expect(asked).toHaveLength(2);
    },
  );

  test('ignore what was forgotten, and what was under way at that time', async () => {
    const { lookUps, asked } = open();
    const old = lookUps.find('a', 0);
    lookUps.forget('a');
    const fresh = lookUps.find('a', 0);
    asked[1]!.answer('since');
    expect(await fresh).toBe('since');
    asked[0]!.answer('before');
    await old;
    expect(await lookUps.find('a', 0)).toBe('since');
  });

  test('are refreshed in spite of what is remembered, and share one under way', async () => {
    const { lookUps, asked } = open();
    const first = lookUps.find('a', 0);
    asked[0]!.answer('before');
    await first;
    const both = Promise.all([lookUps.refresh('a'), lookUps.refresh('a')]);
    expect(asked).toHaveLength(2);
    asked[1]!.answer('since');
    expect(await both).toEqual(['since', 'since']);
    expect(await lookUps.find('a', 0)).toBe('since');
  });

  test('throw a failure to all who share it, and do not remember it', async () => {
    const { lookUps, asked } = open();
    const both = [lookUps.find('a', 0), lookUps.find('a', 0)];
    asked[0]!.fail(new Error('unreachable'));
    for (const one of both) await expect(one).rejects.toThrow('unreachable');
    const again = lookUps.find('a', 0);
    asked[1]!.answer('anna');
    expect(await again).toBe('anna');
  });

  test('remember no more than they may, and drop the oldest result first', async () => {
    const { lookUps, asked } = open({ mostEntries: 2 });
    for (const key of ['a', 'b', 'c']) {
      const found = lookUps.find(key, 0);
      asked.at(-1)!.answer(key);
      await found;
    }
    await Promise.all([lookUps.find('b', 0), lookUps.find('c', 0)]);
    expect(asked).toHaveLength(3);
    void lookUps.find('a', 0);
    expect(asked).toHaveLength(4);
  });
});
