import { containers } from '../../shared/names';
import { createAuditTrail } from '../../shared/storage/audit.client';
import { entryBlob } from '../../shared/storage/audit';
import { lastExisting } from '../../shared/storage/last-existing';
import { sha256 } from '../../shared/storage/manifest';
import { useStore } from '../support/store';

const store = useStore();
const who = { id: '00000000-0000-4000-8000-000000000001', name: 'olga@contoso.example' };
const at = '2026-11-27T06:00:00.000Z';
const fetched = { act: 'fetch' } as const;
const open = () => createAuditTrail(store.account.container(containers.audit));

test('gives entries their numbers, links each to the one before, and loses none of two writers', async () => {
  const [first, second] = [open(), open()];
  expect(await first.head()).toBe(0);
  const numbers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => (index % 2 ? first : second).append(who, fetched, at)),
  );
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  expect(await open().head()).toBe(12);
  let previous: string | null = null;
  for (let number = 1; number <= 12; number++) {
    const stored = (await first.read(number))!;
    expect(stored.entry).toMatchObject({ v: 1, number, previousSha256: previous, at, who, what: fetched });
    const bytes = await store.account
      .container(containers.audit)
      .getBlobClient(entryBlob(number))
      .downloadToBuffer();
    expect(stored.sha256).toBe(sha256(bytes));
    previous = stored.sha256;
  }
  expect(await first.read(13)).toBeUndefined();
});

test('refuses an entry that is not in the form of the trail', async () => {
  const wrong = { act: 'fetch', body: 'text' } as never;
  await expect(open().append(who, wrong, at)).rejects.toThrow();
});

test('keeps a mapping file under its hash, and never changes it', async () => {
  const trail = open();
  const bytes = Buffer.from('Mobile number,Email address\n');
  await trail.keepMapping('wechat', sha256(bytes), bytes);
  await trail.keepMapping('wechat', sha256(bytes), Buffer.from('other'));
  expect(await trail.readMapping('wechat', sha256(bytes))).toEqual(bytes);
  expect(await trail.readMapping('whatsapp', sha256(bytes))).toBeUndefined();
});

test('finds the end of a long history in few questions', async () => {
  for (const [from, last] of [
    [0, 0],
    [0, 1],
    [0, 3000],
    [2999, 3000],
    [3000, 3000],
    [17, 1_000_000],
  ] as const) {
    let asked = 0;
    const found = await lastExisting(from, (number) => Promise.resolve(++asked > 0 && number <= last));
    expect(found).toBe(last);
    expect(asked).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(last - from + 2)) + 1);
  }
});
