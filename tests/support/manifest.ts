import type { Manifest } from '../../shared/storage/manifest';

/** An empty batch of a daily window, with what a test changes in it. */
export const manifest = (number: number, change: Partial<Manifest> = {}): Manifest => ({
  v: 1,
  connector: 'wechat',
  number,
  previousSha256: null,
  run: { name: 'daily-1', cause: 'daily', from: '2026-11-19T00:00:00Z', to: '2026-11-20T00:00:00Z' },
  sequence: number,
  last: false,
  nextLastId: null,
  items: 0,
  bytes: 0,
  pages: [],
  committedAt: '2026-11-20T01:00:00.000Z',
  ...change,
});
