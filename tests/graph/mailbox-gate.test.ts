import { CrowdedMailboxError, PutOffError } from '../../shared/errors';
import { createMailboxGate } from '../../shared/graph/mailbox-gate';
import type { Clock, MailboxGate } from '../../shared/graph/mailbox-gate';

/** Time that passes only when the test says so. */
function testClock(): Clock & { pass(delayMs: number): Promise<void> } {
  let nowMs = 1_000_000;
  const sleepers: { atMs: number; wake(): void }[] = [];
  return {
    now: () => nowMs,
    random: () => 0,
    sleep: (delayMs) => new Promise((wake) => sleepers.push({ atMs: nowMs + delayMs, wake })),
    async pass(delayMs) {
      nowMs += delayMs;
      for (const due of sleepers.filter(({ atMs }) => atMs <= nowMs)) {
        sleepers.splice(sleepers.indexOf(due), 1);
        due.wake();
      }
      await idle();
    },
  };
}

/** Lets all pending callbacks run. */
const idle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Work that ends when the test says so, and the order in which it began. */
function workload(gate: MailboxGate) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const start = (name: string, mailbox = 'a', options: { begun?: boolean; signal?: AbortSignal } = {}) =>
    gate.run(mailbox, options, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const end = async (name: string) => {
    ends.get(name)?.();
    await idle();
  };
  return { begun, start, end };
}

describe('the gate', () => {
  test('lets four requests into each mailbox, and the rest in the order in which they asked', async () => {
    const { begun, start, end } = workload(createMailboxGate({ clock: testClock() }));
    const all = ['1', '2', '3', '4', '5', '6'].map((name) => start(name));
    const other = start('other', 'b');
    await idle();
    expect(begun).toEqual(['1', '2', '3', '4', 'other']);
    await end('2');
    expect(begun.at(-1)).toBe('5');
    await end('1');
    expect(begun.at(-1)).toBe('6');
    for (const name of ['3', '4', '5', '6', 'other']) await end(name);
    await expect(Promise.all([...all, other])).resolves.toHaveLength(7);
  });

  test('gives the turn of work that fails to the next one', async () => {
    const gate = createMailboxGate({ clock: testClock(), inFlight: 1 });
    await expect(gate.run('a', {}, async () => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    await expect(gate.run('a', {}, async () => 'next')).resolves.toBe('next');
  });

  test('puts off more waiters than allowed, each a little later than the one before', async () => {
    const gate = createMailboxGate({ clock: testClock(), inFlight: 1, waiters: 2 });
    const { start } = workload(gate);
    const kept = ['1', '2', '3'].map((name) => start(name));
    await idle();
    const delays: number[] = [];
    for (let refused = 0; refused < 20; refused += 1) {
      const error: unknown = await start(`late ${refused}`).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(PutOffError);
      delays.push((error as PutOffError).delayMs);
    }
    expect(delays[0]).toBeGreaterThanOrEqual(1_000);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(delays.at(-1)).toBeGreaterThan(delays[0]! * 3);
    expect(kept).toHaveLength(3);
  });

  test('lets in work that has begun before work that has not, and never puts it off', async () => {
    const { begun, start, end } = workload(
      createMailboxGate({ clock: testClock(), inFlight: 1, waiters: 1 }),
    );
    const all = [start('first'), start('waiting'), start('further', 'a', { begun: true })];
    await idle();
    await end('first');
    expect(begun).toEqual(['first', 'further']);
    await end('further');
    await end('waiting');
    await Promise.all(all);
  });

  test('lets nothing into a mailbox that cools down, while other mailboxes go on', async () => {
    const clock = testClock();
    const gate = createMailboxGate({ clock });
    const { begun, start, end } = workload(gate);
    gate.coolDown('a', 5_000);
    const all = [start('cold'), start('warm', 'b')];
    await idle();
    expect(begun).toEqual(['warm']);
    await clock.pass(4_999);
    expect(begun).toEqual(['warm']);
    await clock.pass(1);
    expect(begun).toEqual(['warm', 'cold']);
    await end('cold');
    await end('warm');
    await Promise.all(all);
  });

  test('puts off waiting and new work when a cool-down is long', async () => {
    const gate = createMailboxGate({ clock: testClock(), inFlight: 1, longestWaitMs: 10_000 });
    const { start, end } = workload(gate);
    const inside = start('inside');
    const waiting = start('waiting').catch((error: unknown) => error);
    await idle();
    gate.coolDown('a', 60_000);
    expect(await waiting).toMatchObject({ name: 'PutOffError', delayMs: 60_000 });
    await expect(start('late')).rejects.toMatchObject({ name: 'PutOffError', delayMs: 60_000 });
    await end('inside');
    await expect(inside).resolves.toBe('inside');
  });

  test('closes the gap that an aborted waiter leaves', async () => {
    const { begun, start, end } = workload(createMailboxGate({ clock: testClock(), inFlight: 1 }));
    const impatient = new AbortController();
    const first = start('first');
    const second = start('second', 'a', { signal: impatient.signal }).catch((error: unknown) => error);
    const third = start('third');
    await idle();
    impatient.abort();
    expect(await second).toBeInstanceOf(PutOffError);
    await end('first');
    await end('third');
    await Promise.all([first, third]);
    expect(begun).toEqual(['first', 'third']);
  });

  test('gives places to work, and tells the rest when its turn will come', async () => {
    const clock = testClock();
    const gate = createMailboxGate({ clock, inFlight: 1, waiters: 2 });
    const places = [gate.enter('a'), gate.enter('a'), gate.enter('a')];
    const refusals = Array.from({ length: 10 }, () => {
      try {
        gate.enter('a');
      } catch (error) {
        return error as CrowdedMailboxError;
      }
      throw new Error('a place too many');
    });
    expect(refusals.map(({ mailbox }) => mailbox)).toEqual(Array(10).fill('a'));
    // Three have places, each for one request of 300 ms; every further one comes after those before it.
    expect(refusals.map(({ delayMs }) => delayMs)).toEqual(
      Array.from({ length: 10 }, (_, before) => 300 * (3 + before + 1)),
    );
    gate.enter('b')();
    places[1]!();
    gate.enter('a');
    expect(() => gate.enter('a')).toThrow(CrowdedMailboxError);
    gate.coolDown('b', 60_000);
    expect(() => gate.enter('b')).toThrow(CrowdedMailboxError);
    await clock.pass(60_000);
    gate.enter('b')();
  });

  test('lets fewer requests in after a throttling, and more again as they succeed', async () => {
    const clock = testClock();
    const gate = createMailboxGate({ clock });
    let most = 0;
    let active = 0;
    const round = async (requests: number) => {
      most = 0;
      await Promise.all(
        Array.from({ length: requests }, () =>
          gate.run('a', { begun: true }, async () => {
            most = Math.max(most, ++active);
            await idle();
            active--;
          }),
        ),
      );
      return most;
    };
    expect(await round(8)).toBe(4);
    gate.coolDown('a', 100);
    gate.coolDown('a', 100);
    await clock.pass(100);
    expect(await round(8)).toBe(1);
    expect(await round(60)).toBe(4);
  });
});
