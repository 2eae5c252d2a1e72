import { BusyError, CrowdedMailboxError, DeploymentError, PutOffError } from '../../shared/errors';
import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import type { ItemPointer } from '../../shared/item';
import { tables } from '../../shared/names';
import { orPutOff } from '../../shared/pipeline/put-off';
import { createRows } from '../../shared/storage/rows.client';
import { createRuns } from '../../shared/storage/runs';
import { useStore } from '../support/store';

const { account } = useStore();
const runs = createRuns(createRows(account.table(tables.runs)));

const pointer: ItemPointer = {
  v: 1,
  connector: 'whatsapp',
  batch: 1,
  position: 0,
  blob: 'pages/x.ndjson',
  offset: 0,
  length: 1,
};

/** The put-off counts of the messages that a stage ending like this sends, for pointers put off this often. */
async function putOffs(error: Error, ...before: number[]): Promise<(number | undefined)[]> {
  const sent: (number | undefined)[] = [];
  const deps = {
    importQueue: {
      send: ({ putOff }: ItemPointer) => Promise.resolve(void sent.push(putOff)),
      depth: () => Promise.resolve(0),
    },
    runs,
    now: () => Date.parse('2026-11-27T06:00:00Z'),
    emit: () => undefined,
    random: () => 0,
  };
  for (const putOff of before) await orPutOff(deps, { ...pointer, putOff }, () => Promise.reject(error));
  return sent;
}

it('puts off a pointer that waits for its mailbox or the operator as often as it takes', async () => {
  expect(await putOffs(new PutOffError(1000, 'throttled'), 0, 19, 20, 500)).toEqual([1, 20, 21, 501]);
  expect(await putOffs(new DeploymentError('refused'), 0, 500)).toEqual([1, 501]);
});

it('notes for the status that the whole app is refused, and since when', async () => {
  const known = await runs.trouble('whatsapp', 'import');
  expect(known).toMatchObject({
    kind: 'credentialsRejected',
    message: 'refused',
    since: '2026-11-27T06:00:00.000Z',
  });
});

it('drops a pointer that another worker has kept waiting twenty times', async () => {
  expect(await putOffs(new BusyError(1000, 'busy'), 0, 19, 20, 500)).toEqual([1, 20]);
});

it('leaves the retry of any other failure to the host', async () => {
  await expect(putOffs(new Error('broken'), 0)).rejects.toThrow('broken');
});

it('costs an item whose mailbox is still crowded nothing but its delay', async () => {
  const sent: [ItemPointer, unknown][] = [];
  const crowded = new CrowdedMailboxError(2500, 'crowded', 'user-1');
  const deps = {
    mailboxes: {
      enter: () => {
        throw crowded;
      },
    },
    importQueue: {
      send: (one: ItemPointer, options: unknown) => Promise.resolve(void sent.push([one, options])),
    },
    emit: () => undefined,
    random: () => 1,
  };
  // Any other dependency that is touched fails the test.
  const strict = new Proxy(deps, {
    get(target, name) {
      if (name in target) return target[name as keyof typeof target];
      throw new Error(`${String(name)} was used`);
    },
  }) as unknown as Deps;
  const waiting = { ...pointer, waitsFor: 'user-1', putOff: 3 };
  await orPutOff(strict, waiting, () => importItem(strict, waiting));
  expect(sent).toEqual([[{ ...waiting, putOff: 4 }, { delayMs: 2500 }]]);
});
