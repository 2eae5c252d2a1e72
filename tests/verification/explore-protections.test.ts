import { runSchedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import { firstDamage, weakened } from '../support/weakened';

describe('the explorer finds damage in a pipeline without', () => {
  it.each(weakened)('$protection', async ({ weakening, search }) => {
    const damage = await firstDamage(weakening, search);
    expect(damage?.kinds.length).toBeGreaterThan(0);
    // With the protection, the same search finds nothing.
    expect(await firstDamage({}, search)).toBeUndefined();
  });
});

it('the same schedule gives the same run', async () => {
  const { points } = await runSchedule(scenarios['day']!, []);
  const schedule = (['yield', 'crashLate'] as const).map((fault) => ({
    at: points.find(({ faults }) => faults.includes(fault))!.index,
    fault,
  }));
  const [first, second] = [
    await runSchedule(scenarios['day']!, schedule),
    await runSchedule(scenarios['day']!, schedule),
  ];
  expect(second.points).toEqual(first.points);
  expect(second.missed).toBe(false);
});
