import { createByteBudget } from '../shared/byte-budget';

const gate = () => {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

describe('the byte budget', () => {
  it('lets work run together only while it fits', async () => {
    const budget = createByteBudget(100);
    const [first, second] = [gate(), gate()];
    const began: string[] = [];
    const work = (name: string, bytes: number, until: Promise<void>) =>
      budget.hold(bytes, async () => {
        began.push(name);
        await until;
      });
    const all = [work('a', 60, first.opened), work('b', 60, second.opened), work('c', 40, second.opened)];
    await Promise.resolve();
    // c would fit beside a, but may not overtake b: a heavy item must get its turn.
    expect(began).toEqual(['a']);
    first.open();
    await all[0];
    await Promise.resolve();
    expect(began).toEqual(['a', 'b', 'c']);
    second.open();
    await Promise.all(all);
  });

  it('runs work heavier than the budget alone', async () => {
    const budget = createByteBudget(10);
    await expect(budget.hold(1000, () => Promise.resolve('done'))).resolves.toBe('done');
  });

  it('gives the weight back when the work fails', async () => {
    const budget = createByteBudget(10);
    await expect(budget.hold(10, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    await expect(budget.hold(10, () => Promise.resolve('next'))).resolves.toBe('next');
  });
});
