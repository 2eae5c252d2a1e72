import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { archivedIn } from '../../simulators/samples/day';
import { expectations } from '../../simulators/samples/expectations';
import { mailboxOf } from '../../simulators/samples/mapping';
import { organisation } from '../../simulators/samples/organisation';
import {
  asMessages,
  asOptions,
  countersOf,
  dataFolder,
  evening,
  expectedCounters,
  expectedMessages,
  filedItems,
  resultOf,
  start,
  useStacks,
  type Window,
} from '../support/stack-process';

useStacks();

const night = { from: evening.to, to: '2026-11-20T00:30:00.000Z' };

describe('a mapping file', () => {
  const data = dataFolder();
  const good = join(data, 'good.csv');
  const bad = join(data, 'bad.csv');
  const both = { from: evening.from, to: night.to };
  const received = (window: Window) => Object.keys(expectations('whatsapp', window).mailboxes);
  /** The file maps the number of someone in both windows to the mailbox of someone in neither. */
  const { number, user: former } = [...archivedIn('whatsapp', evening)]
    .flatMap(({ item, arrivedAtMs }) =>
      item.mentions.map((mention) => ({ ...mention, user: mailboxOf(mention, arrivedAtMs, {}) })),
    )
    .find(({ number, national, user }) => number && !national && user && received(night).includes(user.id))!;
  const holder = organisation.find(
    ({ id, mailbox, inScope }) => mailbox === 'normal' && inScope !== false && !received(both).includes(id),
  )!;
  const mapped = (window: Window) => {
    const whatsapp = new Set(expectations('whatsapp', window).list.map(({ sourceId }) => sourceId));
    return expectedMessages(window)
      .map((line) => {
        const [userId, sourceId] = line.split(' ') as [string, string];
        return `${userId === former!.id && whatsapp.has(sourceId) ? holder.id : userId} ${sourceId}`;
      })
      .toSorted();
  };
  writeFileSync(good, `Mobile number;Mailbox\r\n+${number};${holder.userPrincipalName}\r\n`);
  writeFileSync(
    bad,
    `Mobile number;Mailbox\r\nno number;${holder.userPrincipalName}\r\n+${number};nobody\r\n`,
  );

  const once = (window: Window, file?: string) =>
    start(
      [
        ...['--once', ...asOptions(window), '--data', data, '--json'],
        ...(file === undefined ? [] : ['--mapping', `whatsapp=${file}`]),
      ],
      { WHATSAPP_CUSTOM_MAPPING: 'true' },
    );

  test('takes precedence over the e-mail addresses', async () => {
    expect(countersOf(await resultOf(once(evening, good)))).toEqual(expectedCounters(evening));
    expect(mapped(evening)).not.toEqual(expectedMessages(evening));
    expect(asMessages(await filedItems(data))).toEqual(mapped(evening));
  });

  test('with mistakes is refused as a whole, each mistake with its line and column, and nothing is imported', async () => {
    const run = once(night, bad);
    expect(await run.exited).toBe(2);
    const problems = run.stderr().match(/^ {2}line \d+, .+: expected .+, found .+$/gm) ?? [];
    expect(problems.map((problem) => problem.split(',')[0])).toEqual(['  line 2', '  line 3']);
    expect(asMessages(await filedItems(data))).toEqual(mapped(evening));
  });

  test('that is refused leaves the former one in force', async () => {
    const result = await resultOf(once(night));
    expect(countersOf(result)).toEqual(expectedCounters(night, {}, evening));
    expect(asMessages(await filedItems(data))).toEqual(mapped(both));
  });
});
