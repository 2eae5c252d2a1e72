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
  impatient,
  night,
  progress,
  resultOf,
  start,
  useStacks,
} from '../support/stack-process';

/** A run that is killed must end like one that was not. */

useStacks();

const someItems = /[1-9]\d*\/\d+ items, importing/;
describe('a run that is killed again and again', () => {
  const data = dataFolder();
  const begin = () =>
    start(['--once', ...asOptions(night), '--data', data, '--verbose', '--json'], impatient);

  test('ends with an error that names the functions host when that is killed, and leaves no process', async () => {
    const run = begin();
    const host = await run.part('functions');
    await run.says(someItems);
    const family = familyOf(run.pid);
    expect(family).toContain(host);
    process.kill(host, 'SIGKILL');
    expect(await run.exited).toBe(1);
    expect(run.stderr()).toContain('functions ended by itself (SIGKILL)');
    expect(await gone(family)).toEqual([]);
  });

  test('leaves no process when the stack itself is killed, alone or with its process group', async () => {
    for (const isGroup of [false, true]) {
      const run = begin();
      await run.says(progress);
      const family = familyOf(run.pid);
      expect(family.length).toBeGreaterThan(8);
      process.kill(isGroup ? -run.pid : run.pid, 'SIGKILL');
      expect(await run.exited).toBe('SIGKILL');
      // After the first kill the next run starts immediately, and must itself wait for the former store to end.
      if (isGroup) expect(await gone(family)).toEqual([]);
    }
  });

  test('goes on where it was and ends with the counters and mailboxes of a run without crashes', async () => {
    const result = await resultOf(begin());
    expect(countersOf(result)).toEqual(expectedCounters(night));
    expect(asMessages(await filedItems(data))).toEqual(expectedMessages(night));
  });
});
