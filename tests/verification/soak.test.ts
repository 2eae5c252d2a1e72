import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { dayOf } from '../../simulators/samples/day';
import { expectations } from '../../simulators/samples/expectations';
import { fingerprint, surplus } from '../../verification/soak/mailboxes';
import { windows } from '../../verification/soak/plan';
import { connectorIds } from '../../shared/connectors';

/** Tests the comparison and the plan of the soak. The soak itself takes minutes: `npm run soak`. */

const filed = (userId: string, itemKey: string, attachments: string[] = []) => ({
  userId,
  itemKey,
  sourceId: `source of ${itemKey}`,
  attachments,
});

describe('the soak', () => {
  test('notices a lost message, a second copy, a wrong mailbox and a missing attachment', () => {
    const quiet = fingerprint([
      filed('anna', 'k1'),
      filed('bo', 'k1'),
      filed('bo', 'k2', ['a.png 10', 'b.png 20']),
    ]);
    const compare = (...items: ReturnType<typeof filed>[]) => ({
      lost: surplus(quiet, fingerprint(items)).length,
      duplicated: surplus(fingerprint(items), quiet).length,
    });
    const k2 = filed('bo', 'k2', ['b.png 20', 'a.png 10']);
    expect(compare(filed('bo', 'k1'), k2, filed('anna', 'k1'))).toEqual({ lost: 0, duplicated: 0 });
    expect(compare(filed('anna', 'k1'), k2)).toEqual({ lost: 1, duplicated: 0 });
    expect(compare(filed('anna', 'k1'), filed('anna', 'k1'), filed('bo', 'k1'), k2)).toEqual({
      lost: 0,
      duplicated: 1,
    });
    expect(compare(filed('anna', 'k1'), filed('anna', 'k1'), k2)).toEqual({ lost: 1, duplicated: 1 });
    expect(compare(filed('anna', 'k1'), filed('bo', 'k1'), filed('bo', 'k2', ['a.png 10']))).toEqual({
      lost: 1,
      duplicated: 1,
    });
  });

  test('runs overlapping windows on several days, with a file for an upload session and without the giants', () => {
    const plan = windows();
    const sixteenMB = 16_000_000;
    for (let day = 0; day < 3; day++) {
      const [first, second] = [plan.next().value!, plan.next().value!];
      expect(second.from > first.from && second.from < first.to).toBe(true);
      const both = { from: first.from, to: second.to };
      const startMs = Date.parse(`${both.from.slice(0, 10)}T00:00:00.000Z`);
      const bytes = connectorIds
        .flatMap((connector) => dayOf(connector, startMs))
        .filter(
          ({ arrivedAtMs }) => arrivedAtMs >= Date.parse(both.from) && arrivedAtMs < Date.parse(both.to),
        )
        .map(({ item }) => item.bytes);
      expect(bytes.length).toBeGreaterThan(150);
      expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(sixteenMB);
      for (const connector of connectorIds)
        expect(expectations(connector, both).deliveries.expected).toBeGreaterThan(100);
    }
  });

  test('refuses an unknown option and a value that is not a number', () => {
    const soak = (...args: string[]) =>
      spawnSync(process.execPath, [join(process.cwd(), 'dist/local/soak.js'), ...args], { encoding: 'utf8' });
    for (const args of [['--kills', 'many'], ['--wrong']]) {
      const { status, stderr } = soak(...args);
      expect(status).not.toBe(0);
      expect(stderr).toContain(args[0]);
    }
  });
});
