import { tables } from '../../shared/names';
import { createRows } from '../../shared/storage/rows.client';
import { createRuns } from '../../shared/storage/runs';
import { useStore } from '../support/store';

const { account } = useStore();

describe('runs', () => {
  const runs = () => createRuns(createRows(account.table(tables.runs)));
  const run = {
    name: 'daily-x',
    cause: 'daily' as const,
    from: '2026-11-19T00:00:00Z',
    to: '2026-11-20T00:00:00Z',
  };

  it('keep their window when they are opened again', async () => {
    await runs().open('wechat', run, 3, '2026-11-20T01:00:00.000Z');
    const again = await runs().open(
      'wechat',
      { ...run, to: '2026-11-20T09:00:00Z' },
      5,
      '2026-11-20T02:00:00.000Z',
    );
    expect(again).toMatchObject({ to: '2026-11-20T00:00:00Z', after: 3, state: 'open' });
  });

  it('never move the watermark back', async () => {
    await runs().moveWatermark('wechat', '2026-11-20T00:00:00.000Z');
    await runs().moveWatermark('wechat', '2026-11-19T00:00:00.000Z');
    expect(await runs().watermark('wechat')).toBe('2026-11-20T00:00:00.000Z');
    expect(await runs().watermark('whatsapp')).toBeUndefined();
  });

  it.each<[before: string | undefined, others: string, own: string]>([
    [undefined, '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    [undefined, '2026-11-21T00:00:00.000Z', '2026-11-20T00:00:00.000Z'],
    ['2026-11-19T00:00:00.000Z', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    ['2026-11-19T00:00:00.000Z', '2026-11-21T00:00:00.000Z', '2026-11-20T00:00:00.000Z'],
  ])(
    'end at the later watermark when two workers move it from %s to %s and %s',
    async (before, others, own) => {
      const rows = createRows<Record<string, unknown>>(account.table(tables.runs));
      await rows.remove('whatsapp', '~watermark');
      if (before !== undefined) await runs().moveWatermark('whatsapp', before);
      let isFirst = true;
      const overtaken: typeof rows = {
        ...rows,
        async get(partition, row) {
          const found = await rows.get(partition, row);
          if (isFirst) await runs().moveWatermark('whatsapp', others);
          isFirst = false;
          return found;
        },
      };
      await createRuns(overtaken).moveWatermark('whatsapp', own);
      expect(await runs().watermark('whatsapp')).toBe('2026-11-21T00:00:00.000Z');
    },
  );

  it('are listed without the other rows of their table', async () => {
    await runs().saveChainHint('wechat', 7);
    await runs().advanceClosedThrough('wechat', 6, undefined);
    expect((await runs().list('wechat')).map(({ name }) => name)).toEqual(['daily-x']);
    expect(await runs().chainHint('wechat')).toBe(7);
    expect(await runs().closedThrough('wechat')).toMatchObject({ number: 6 });
    expect(await runs().closedThrough('whatsapp')).toEqual({ number: 0, etag: undefined });
  });

  it('do not count batches as closed beyond one that has been opened again', async () => {
    for (const batch of [3, 5]) {
      const { number, etag } = await runs().closedThrough('wechat');
      await runs().lowerClosedThrough('wechat', batch);
      await runs().advanceClosedThrough('wechat', number + 1, etag);
      expect(await runs().closedThrough('wechat')).toMatchObject({ number: 2 });
    }
    await runs().lowerClosedThrough('whatsapp', 1);
    await runs().advanceClosedThrough('whatsapp', 1, undefined);
    expect(await runs().closedThrough('whatsapp')).toMatchObject({ number: 0 });
  });
});
