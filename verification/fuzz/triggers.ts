import {
  readBackfillRequest,
  readItemPointer,
  readManifest,
  readRedriveRequest,
} from '../../shared/pipeline/messages';
import type { Random } from '../../simulators/samples/random';
import { Finding } from './invariants';
import { changed, damaged, odd, type Json } from './mutate';

/** What triggers hand over: queue messages and manifests, whole, damaged, foreign and of another version. */

const secret = 'seeded-secret-of-a-message';
const hash = 'ab'.repeat(32);

const pointer = { v: 1, connector: 'whatsapp', batch: 7, position: 3, blob: 'pages/x', offset: 0, length: 9 };
const run = {
  name: 'backfill-1',
  cause: 'backfill',
  from: '2026-11-20T00:00:00.000Z',
  to: '2026-11-21T00:00:00.000Z',
};
const backfill = { v: 1, connector: 'wechat', run };
const redrive = { v: 1, connector: 'wechat', batch: 7, position: 3 };
const manifest = {
  v: 1,
  connector: 'wechat',
  number: 2,
  previousSha256: hash,
  run,
  sequence: 1,
  last: true,
  nextLastId: null,
  items: 1,
  bytes: 10,
  pages: [{ blob: 'pages/x', sha256: hash, bytes: 10, items: 1 }],
  committedAt: '2026-11-21T00:00:00.000Z',
};

const readers = [
  { read: (input: Buffer) => readItemPointer(asHost(input)), whole: pointer },
  { read: (input: Buffer) => readBackfillRequest(asHost(input)), whole: backfill },
  { read: (input: Buffer) => readRedriveRequest(asHost(input)), whole: redrive },
  { read: readManifest, whole: manifest },
];

/** The host hands a queue message over as what its text is as JSON, else as the text. */
function asHost(input: Buffer): unknown {
  const text = input.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function triggerCase(r: Random): { input: Buffer; run: () => string } {
  const { read, whole } = r.pick(readers);
  const text = Buffer.from(JSON.stringify(whole));
  const kinds: (() => Buffer)[] = [
    () => damaged(text, r),
    () => Buffer.from(JSON.stringify(changed(whole as Json, r))),
    () => Buffer.from(JSON.stringify({ ...whole, v: r.pick([0, 2, '1', null, 1e99]) })),
    () => Buffer.from(JSON.stringify({ ...whole, [secret]: secret })),
    () => Buffer.from(JSON.stringify(odd(r))),
    () => Buffer.from(secret),
    () => text,
  ];
  const input = r.pick(kinds)();
  return {
    input,
    run() {
      try {
        const value = read(Buffer.from(input));
        // Only what the app itself could have written gets through.
        if (JSON.stringify(value).length > input.length + 10)
          throw new Finding('a message grew while it was read');
        if (value.v !== 1) throw new Finding('a message of another version was accepted');
        return 'accepted';
      } catch (error) {
        if (error instanceof Finding) throw error;
        const { message } = error as Error;
        if (!/^Expected /.test(message))
          throw new Finding(`a message was refused without a clear error (${(error as Error).name})`);
        if (message.includes(secret)) throw new Finding('a refusal quotes the message');
        if (message.length > 2000) throw new Finding('a refusal is longer than 2,000 characters');
        return 'refused';
      }
    },
  };
}
