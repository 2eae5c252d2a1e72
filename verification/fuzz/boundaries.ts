import { loadConfig, settingNames } from '../../shared/config';
import type { AppDeps } from '../../shared/deps';
import {
  readBackfillRequest,
  readItemPointer,
  readManifest,
  readRedriveRequest,
} from '../../shared/pipeline/messages';
import { answerPreflight } from '../../shared/preflight/preflight';
import type { Random } from '../../simulators/samples/random';
import { Finding } from './invariants';
import { changed, damaged, odd, type Json } from './mutate';
import { people } from './people';
import { settings as rightSettings } from './stage';

/**
 * What the app reads besides lines and mapping files: queue messages, manifests, HTTP bodies and settings. It must
 * accept each or refuse it with a clear error, and an error must not quote the input, which may hold a secret.
 */

interface BoundaryCase {
  input: Buffer;
  /** How it ended. @throws Finding */
  run(): Promise<string> | string;
}

const secret = 'seeded-secret-of-an-input';
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

/** The host parses a queue message as JSON, and passes the text on if it is no JSON. */
function asHost(input: Buffer): unknown {
  const text = input.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A message as a trigger hands it over: whole, damaged, foreign or of another version. */
export function triggerCase(r: Random): BoundaryCase {
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
        // A message may lose fields, but must not gain any.
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

const verdicts = new Set(['ok', 'failed', 'skipped']);

/** A body for the app's HTTP interface, from anybody who has its key. */
export function requestCase(r: Random): BoundaryCase {
  const whole: Json = {
    mailbox: r.pick(people).upn,
    ...(r.chance(0.5) ? { outside: r.pick(people).upn } : {}),
  };
  const kinds: (() => Buffer)[] = [
    () => Buffer.from(JSON.stringify(whole)),
    () => damaged(Buffer.from(JSON.stringify(whole)), r),
    () => Buffer.from(JSON.stringify(changed(whole, r))),
    () => Buffer.from(JSON.stringify({ ...whole, [secret]: secret })),
    () => Buffer.from(JSON.stringify({ mailbox: odd(r), outside: odd(r) })),
    () => Buffer.from(secret),
  ];
  const input = r.pick(kinds)();
  return {
    input,
    async run() {
      // Behind the interface nothing works, but every accepted request must still get an answer.
      const deps = { config: { connectors: ['wechat'] }, newId: () => 'id' } as unknown as AppDeps;
      const answer = await answerPreflight(deps, () => new Response(Uint8Array.from(input)).json());
      if (JSON.stringify(answer).includes(secret)) throw new Finding('an answer quotes the request');
      if (answer.status === 400) return 'refused';
      if (!answer.jsonBody.steps.every(({ verdict, detail }) => verdicts.has(verdict) && detail !== ''))
        throw new Finding('a step has no clear verdict');
      return 'accepted';
    },
  };
}

const settingValues = [
  '',
  ' ',
  'true',
  'TRUE',
  'yes',
  '0',
  '-1',
  '1e3',
  '99999999999999999999',
  '١٢',
  'SE',
  'se',
  'XX',
  '* * *',
  '0 0 * * * *',
];
const urls = [
  'http://graph.example',
  'https://user:pass@graph.example',
  'https://graph.example/v1.0',
  'https://graph.example?x=1',
  'ftp://x',
  'https://',
  'http://127.0.0.1:99999',
  'http://127.0.0.1.evil.example',
  'http://localhost:7071',
  'javascript:alert(1)',
];

/** App settings as a person or a script gets them wrong. */
export function settingsCase(r: Random): BoundaryCase {
  const env: Record<string, string> = { ...rightSettings };
  for (let left = 1 + r.int(6); left > 0; left--) {
    const name = r.chance(0.9)
      ? r.pick(settingNames)
      : r.pick(['__proto__', 'constructor', 'toString', 'PATH']);
    const value = r.pick([r.pick(settingValues), r.pick(urls), String(odd(r)), secret, `${secret}\n`]);
    Object.defineProperty(env, name, { value, enumerable: true, configurable: true, writable: true });
    if (r.chance(0.2)) delete env[r.pick(settingNames)];
  }
  const input = Buffer.from(JSON.stringify(env));
  return {
    input,
    run() {
      try {
        const config = loadConfig(env);
        for (const url of [config.graph.baseUrl, config.telemessage.baseUrl, config.keyVaultUrl])
          if (!/^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(url))
            throw new Finding('plain http was accepted beyond this machine');
        for (const connector of Object.values(config.perConnector))
          if (!connector.automaticMapping && !connector.customMapping)
            throw new Finding('no mapping at all was accepted');
        if (config.graph.timeoutMs * 2 > config.import.leaseMs)
          throw new Finding('a request may outlive its lease');
        return 'accepted';
      } catch (error) {
        if (error instanceof Finding) throw error;
        const { message } = error as Error;
        if (!message.startsWith('The app cannot start. Wrong settings:\n'))
          throw new Finding(`settings were refused without a clear error (${(error as Error).name})`);
        const lines = message.split('\n').slice(1);
        if (!lines.every((line) => settingNames.some((name) => line.trimStart().startsWith(name))))
          throw new Finding('a refusal does not name the setting');
        if (message.includes(secret)) throw new Finding('a refusal quotes a value');
        return 'refused';
      }
    },
  };
}
