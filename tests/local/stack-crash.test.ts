import {
  asMessages,
  asOptions,
  countersOf,
  dataFolder,
  expectedCounters,
  expectedMessages,
  familyOf,
  filedItems,
  gone,
  resultOf,
  start,
  useStacks,
  type Running,
} from '../support/stack-process';

/** Parts of the local stack, and the whole of it, are killed; what comes after must be as if they had not been. */

useStacks();

const window = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-20T00:45:00.000Z' };
const someItems = /[1-9]\d*\/\d+ items, importing/;
const progress = /\d+\/\d+ items, \w+/;
/** The parts drain for five seconds before they leave. */
const leaveMs = 15_000;

describe('a run that is killed again and again', () => {
  const data = dataFolder();
  const begin = () => start(['--once', ...asOptions(window), '--data', data, '--verbose', '--json']);

  test('ends with an error that names the functions host when the host is killed, and leaves no process', async () => {
    const run = begin();
    const host = await run.part('functions');
    await run.says(someItems);
    const family = familyOf(run.pid);
    expect(family).toContain(host);
    process.kill(host, 'SIGKILL');
    expect(await run.exited).toBe(1);
    expect(run.stderr()).toContain('functions ended by itself (SIGKILL)');
    expect(await gone(family, leaveMs)).toEqual([]);
  });

  test('leaves no process when the stack itself is killed, alone or with its process group', async () => {
    for (const isGroup of [false, true]) {
      const run = begin();
      await run.says(progress);
      const family = familyOf(run.pid);
      expect(family.length).toBeGreaterThan(8);
      process.kill(isGroup ? -run.pid : run.pid, 'SIGKILL');
      expect(await run.exited).toBe('SIGKILL');
      // The next one starts at once: it has to wait for the store of the one before by itself.
      if (isGroup) expect(await gone(family, leaveMs)).toEqual([]);
    }
  });

  test('goes on where it was, and ends with the counters and mailboxes of a run without crashes', async () => {
    const startedAt = Date.now();
    const result = await resultOf(begin());
    expect(Date.now() - startedAt).toBeLessThan(60_000);
    expect(countersOf(result)).toEqual(expectedCounters(window));
    expect(asMessages(await filedItems(data))).toEqual(expectedMessages(window));
  });
});

/** One accident each. They are independent of each other and of the tests above, and mostly wait: all at once. */
let ended: Promise<Record<'simulator' | 'store' | 'interrupt', Ended>>;
interface Ended {
  run: Running;
  code: number | NodeJS.Signals | null;
  left: number[];
}
const stop = async (run: Running, accident: (family: number[]) => void | Promise<void>): Promise<Ended> => {
  const family = familyOf(run.pid);
  expect(family.length).toBeGreaterThan(8);
  await accident(family);
  return { run, code: await run.exited, left: await gone(family, leaveMs) };
};
const keptUp = async () => {
  const run = start(['--data', dataFolder(), '--verbose']);
  await run.says(/functions host +http:\/\/127\.0\.0\.1:\d+/);
  return run;
};

async function accidents() {
  const once = start(['--once', ...asOptions(window), '--verbose']);
  const simulator = once
    .says(progress)
    .then(() => stop(once, async () => void process.kill(await once.part('exchange'), 'SIGKILL')));
  const store = keptUp().then(async (run) => {
    const named = ['identity', 'telemessage', 'exchange', 'functions'];
    const parts = await Promise.all(named.map(run.part));
    // The first child that is none of the named parts belongs to the store.
    return stop(run, ([, ...others]) => {
      process.kill(
        others.find((pid) => !parts.includes(pid))!,
        'SIGKILL',
      );
    });
  });
  const interrupt = keptUp().then((run) => stop(run, () => void process.kill(run.pid, 'SIGINT')));
  return { simulator: await simulator, store: await store, interrupt: await interrupt };
}

beforeAll(() => {
  ended = accidents();
  ended.catch(() => undefined);
});

test('a simulator that dies is reported by its name, and everything stops', async () => {
  const { run, code, left } = (await ended).simulator;
  expect(code).toBe(1);
  expect(run.stderr()).toContain('exchange ended by itself (SIGKILL)');
  expect(left).toEqual([]);
});

test('a store that dies is reported, and everything stops', async () => {
  const { run, code, left } = (await ended).store;
  expect(code).toBe(1);
  expect(run.stderr()).toMatch(/azurite \w+ ended by itself \(SIGKILL\)/);
  expect(left).toEqual([]);
});

test('Ctrl-C stops every process', async () => {
  const { code, left } = (await ended).interrupt;
  expect(code).toBe(130);
  expect(left).toEqual([]);
});
