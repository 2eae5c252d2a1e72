import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import {
  createItemReader,
  type ItemReader,
  type ItemReaderOptions,
} from '../../shared/reading/reader.client';
import { createNumbers } from '../../shared/participants/phone';
import { readLine, type ReadLine } from '../../shared/reading/read-line';
import { context, mail, mailFixtures } from '../support/mail-fixtures';
import { useTemporaryFolder } from '../support/temporary-folder';

const fake = join(__dirname, '..', 'fixtures', 'parser-threads', 'endless.js');
const shared = join(__dirname, '..', '..', 'shared', 'reading');
const folder = useTemporaryFolder('reader');
const workerFile = join(folder, 'read-worker.js');
const readers: ItemReader[] = [];
const numbers = createNumbers();

function start(options: Partial<ItemReaderOptions> = {}): ItemReader {
  const reader = createItemReader({ workerFile, timeoutMs: 20_000, threads: 2, ...options });
  readers.push(reader);
  return reader;
}

/** The text tells the fake thread what to do. */
const tell = (reader: ItemReader, text: string) => reader.read(Buffer.from(text), 'wechat');

const lineOf = (raw: Buffer, given = context): Buffer =>
  Buffer.from(
    JSON.stringify({
      messageId: given.messageId,
      gatewayReceivedDate: given.receivedAt,
      sourceType: 'WECHAT',
      usersEmailAddress: [{ emailAddress: 'anna@contoso.example', mobileNumber: '46701740605' }],
      mime: raw.toString('base64'),
    }),
  );
const emailOf = (read: ReadLine) => {
  if (read.kind !== 'communication') throw new Error('not a communication');
  return read.email;
};

beforeAll(async () => {
  const common = { bundle: true, platform: 'node', format: 'cjs', outdir: folder } as const;
  await build({
    ...common,
    entryPoints: [join(shared, 'read-worker.ts'), join(shared, 'reader.client.ts')],
  });
});

afterEach(() => Promise.all(readers.splice(0).map((reader) => reader.close())));

describe('createItemReader', () => {
  it('gives what readLine gives, for all fixture mails in parallel', async () => {
    const reader = start();
    await Promise.all(
      mailFixtures()
        .filter(({ raw }) => raw.length > 0)
        .map(async ({ raw, context: given }) => {
          const line = lineOf(raw, given);
          const expected = readLine(Buffer.from(line), 'wechat', numbers);
          expect(await reader.read(line, 'wechat')).toEqual(expected);
        }),
    );
  });

  it('reads chats and device events, and national numbers of its country', async () => {
    const reader = start({ country: 'SE' });
    const chat = { messageId: '1', gatewayReceivedDate: context.receivedAt, sourceType: 'WHATSAPP_ARCHIVER' };
    const line = (more: object) => Buffer.from(JSON.stringify({ ...chat, from: '070-123 45 67', ...more }));
    expect(await reader.read(line({}), 'whatsapp')).toMatchObject({
      participants: [{ numbers: ['+46701234567'] }],
    });
    expect(await reader.read(line({ messageContext: 'event' }), 'whatsapp')).toMatchObject({
      kind: 'deviceEvent',
    });
  });

  it('gives each attachment a buffer of its own', async () => {
    const content = Buffer.alloc(1_000_000, 'abc');
    const raw = mail(`Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n${content.toString('base64')}`);
    const { attachments } = emailOf(await start().read(lineOf(raw), 'wechat'));
    expect(Buffer.isBuffer(attachments[0]?.content)).toBe(true);
    const found = attachments[0]!.content as Buffer;
    expect(found.equals(content)).toBe(true);
    expect(found.buffer.byteLength).toBe(content.length);
  });

  it('does not change bytes that share their memory', async () => {
    const line = lineOf(mail('Subject: part of a page\n\nx')).toString();
    const page = Buffer.from(`....${line}....`);
    expect(emailOf(await start().read(page.subarray(4, -4), 'wechat')).subject).toBe('part of a page');
    expect(page.toString()).toBe(`....${line}....`);
  });

  it('reports why an item is unreadable, and what is known of it', async () => {
    const levels = Array.from(
      { length: 300 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`,
    );
    await expect(start().read(lineOf(mail(levels.join(''))), 'wechat')).rejects.toMatchObject({
      reason: 'unreadable',
      message: 'the mail is nested more than 256 levels deep',
      known: { sourceId: context.messageId },
    });
  });

  it('refuses an item with more parties than anybody can write to, and names the bound', async () => {
    const to = Array.from({ length: 60_000 }, (_, n) => `${12_025_550_000 + n}`);
    const many = { messageId: '1', gatewayReceivedDate: context.receivedAt, sourceType: 'X', to };
    await expect(start().read(Buffer.from(JSON.stringify(many)), 'whatsapp')).rejects.toMatchObject({
      reason: 'unreadable',
      message: 'The item has 60000 parties, more than 10000',
    });
  });

  it('reuses its threads and starts no more than allowed', async () => {
    const reader = start({ workerFile: fake, threads: 2 });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => tell(reader, String(i))));
    expect(new Set(answers.map(({ sourceId }) => sourceId)).size).toBeLessThanOrEqual(2);
  });

  it('stops a thread that does not answer in time and reads the next line in another', async () => {
    const reader = start({ workerFile: fake, threads: 1, timeoutMs: 5_000 });
    const first = await tell(reader, 'a');
    const endless = tell(reader, 'endless');
    const next = tell(reader, 'b');
    await expect(endless).rejects.toMatchObject({
      reason: 'unreadable',
      message: 'the item could not be read within 5 s',
    });
    expect((await next).sourceId).not.toBe(first.sourceId);
  });

  it('fails only the one of several small items that its thread cannot read', async () => {
    const reader = start({ workerFile: fake, threads: 1, timeoutMs: 2_000 });
    const texts = ['a', 'b', 'endless', 'c', 'exit', 'd'];
    const ends = await Promise.allSettled(texts.map((text) => tell(reader, text)));
    expect(ends.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    ]);
    expect(ends[2]).toMatchObject({ reason: { message: 'the item could not be read within 2 s' } });
    expect(ends[4]).toMatchObject({ reason: { message: 'the item ended its thread' } });
  });

  it('fails only the item that exhausts the memory of its thread', async () => {
    const reader = start({ workerFile: fake, threads: 1, maxHeapMb: 32 });
    const memory = tell(reader, 'memory');
    const next = tell(reader, 'b');
    await expect(memory).rejects.toMatchObject({ reason: 'unreadable' });
    await expect(next).resolves.toMatchObject({ kind: 'deviceEvent' });
  });

  it('fails only the item that ends its thread', async () => {
    const reader = start({ workerFile: fake, threads: 1 });
    await expect(tell(reader, 'exit')).rejects.toMatchObject({ reason: 'unreadable' });
    await expect(tell(reader, 'b')).resolves.toMatchObject({ kind: 'deviceEvent' });
  });

  it('reports an error of the thread itself without its message, and not as unreadable', async () => {
    const reader = start({ workerFile: fake, threads: 1 });
    const failure = await tell(reader, 'throw').catch((error: unknown) => error);
    expect(failure).toEqual(new Error('the reader thread failed'));
    expect(failure).not.toHaveProperty('reason');
    await expect(tell(reader, 'b')).resolves.toMatchObject({ kind: 'deviceEvent' });
  });

  it('rejects when its worker file is missing', async () => {
    await expect(tell(start({ workerFile: join(folder, 'none.js') }), 'a')).rejects.toThrow(
      'the reader thread failed',
    );
  });

  it('rejects pending and later calls when it is closed', async () => {
    const reader = start({ workerFile: fake, threads: 1 });
    const pending = [tell(reader, 'endless'), tell(reader, 'a')].map((promise) => promise.catch(String));
    await reader.close();
    expect(await Promise.all(pending)).toEqual(
      Array(2).fill('Error: the item reader was closed while an item was being read'),
    );
    await expect(tell(reader, 'b')).rejects.toThrow('the item reader is closed');
  });

  it('does not keep an idle process alive', () => {
    const script = `
      const { createItemReader } = require('./reader.client.js');
      const reader = createItemReader({ workerFile: '${workerFile}', timeoutMs: 600000, threads: 2 });
      reader.read(Buffer.from('{"messageId":"done","gatewayReceivedDate":"2024-01-01T00:00:00Z","sourceType":"x"}'), 'whatsapp')
        .then(({ sourceId }) => console.log(sourceId));`;
    const run = spawnSync(process.execPath, ['-e', script], {
      cwd: folder,
      timeout: 20_000,
      encoding: 'utf8',
    });
    expect([run.stdout, run.stderr, run.status, run.signal]).toEqual(['done\n', '', 0, null]);
  });
});
