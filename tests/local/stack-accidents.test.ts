import {
  asOptions,
  dataFolder,
  familyOf,
  gone,
  night,
  progress,
  start,
  useStacks,
  type Running,
} from '../support/stack-process';

/** When one part of the local stack dies, or Ctrl-C stops it, no process may be left. */

useStacks();

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
  return { run, code: await run.exited, left: await gone(family) };
};
const keptUp = async () => {
  const run = start(['--data', dataFolder(), '--verbose']);
  await run.says(/functions host +http:\/\/127\.0\.0\.1:\d+/);
  return run;
};

/** One accident each, all together: they are independent of each other, and mostly wait. */
async function accidents() {
  const once = start(['--once', ...asOptions(night), '--verbose']);
  const simulator = once
    .says(progress)
    .then(() => stop(once, async () => void process.kill(await once.part('exchange'), 'SIGKILL')));
  const store = keptUp().then(async (run) => {
    const named = ['identity', 'telemessage', 'exchange', 'functions'];
    const parts = await Promise.all(named.map(run.part));
    // The first child without a name belongs to the store.
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
