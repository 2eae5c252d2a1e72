import { manifestBytes, nextManifest, sha256, storedManifest } from '../../shared/storage/manifest';

const batch = {
  connector: 'wechat' as const,
  run: {
    name: 'daily-1',
    cause: 'daily' as const,
    from: '2026-11-19T00:00:00Z',
    to: '2026-11-20T00:00:00Z',
  },
  sequence: 1,
  last: true,
  nextLastId: null,
  items: 1,
  bytes: 12,
  pages: [{ blob: 'pages/wechat/daily-1/a/000001.ndjson', sha256: 'ab'.repeat(32), bytes: 12, items: 1 }],
  committedAt: '2026-11-20T01:00:00.000Z',
};

describe('a manifest', () => {
  test('begins the chain, or carries the number and the hash of the one before it', () => {
    const first = nextManifest({ number: 0, sha256: null }, batch);
    expect(first).toMatchObject({ v: 1, number: 1, previousSha256: null });
    const stored = storedManifest(manifestBytes(first));
    expect(stored).toEqual({ manifest: first, sha256: sha256(manifestBytes(first)) });
    const second = nextManifest({ number: stored.manifest.number, sha256: stored.sha256 }, batch);
    expect(second).toMatchObject({ number: 2, previousSha256: sha256(manifestBytes(first)) });
  });

  test('is written in one way, whatever the order of its fields', () => {
    const { connector, ...rest } = nextManifest({ number: 6, sha256: 'cd'.repeat(32) }, batch);
    const text =
      `{"v":1,"connector":"wechat","number":7,"previousSha256":"${'cd'.repeat(32)}",` +
      '"run":{"name":"daily-1","cause":"daily","from":"2026-11-19T00:00:00Z","to":"2026-11-20T00:00:00Z"},' +
      '"sequence":1,"last":true,"nextLastId":null,"items":1,"bytes":12,' +
      `"pages":[{"blob":"pages/wechat/daily-1/a/000001.ndjson","sha256":"${'ab'.repeat(32)}","bytes":12,"items":1}],` +
      '"committedAt":"2026-11-20T01:00:00.000Z"}\n';
    expect(manifestBytes({ ...rest, connector }).toString()).toBe(text);
  });
});
