import { runSchedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import { firstDamage, weakened } from '../support/weakened';

describe('the explorer notices that the pipeline lacks', () => {
  it.each(weakened)('$protection', async ({ weakening, search }) => {
    const damage = await firstDamage(weakening, search);
    expect(damage?.kinds.length).toBeGreaterThan(0);
    // The same search finds nothing where the protection is in place.
    expect(await firstDamage({}, search)).toBeUndefined();
  });
});

it('what goes wrong depends on the choices alone', async () => {
  const schedule = [
    { at: 51, fault: 'crashLate' as const },
    { at: 60, fault: 'yield' as const },
  ];
  const [first, second] = [
    await runSchedule(scenarios['day']!, schedule),
    await runSchedule(scenarios['day']!, schedule),
  ];
  expect(second.points).toEqual(first.points);
  expect(second.missed).toBe(false);
});
