import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import { createMailParser, type MailParser, type MailParserOptions } from '../../shared/mail/parser.client';
import { readMail } from '../../shared/mail/read-mail';
import { context, mail, mailFixtures } from '../support/mail-fixtures';
import { useTemporaryFolder } from '../support/temporary-folder';

const fake = join(__dirname, '..', 'fixtures', 'parser-threads', 'endless.js');
const shared = join(__dirname, '..', '..', 'shared', 'mail');
const folder = useTemporaryFolder('parser');
const workerFile = join(folder, 'parse-worker.js');
const parsers: MailParser[] = [];

function start(options: Partial<MailParserOptions> = {}): MailParser {
  const parser = createMailParser({ workerFile, timeoutMs: 20_000, threads: 2, ...options });
  parsers.push(parser);
  return parser;
}

/** The id tells the fake thread what to do. */
const tell = (parser: MailParser, messageId: string) =>
  parser.parse(Buffer.from('x'), { ...context, messageId });

beforeAll(async () => {
  const common = { bundle: true, platform: 'node', format: 'cjs', outdir: folder } as const;
  await build({
    ...common,
    entryPoints: [join(shared, 'parse-worker.ts'), join(shared, 'parser.client.ts')],
  });
});

afterEach(() => Promise.all(parsers.splice(0).map((parser) => parser.close())));

describe('createMailParser', () => {
  it('gives what readMail gives, for all fixture mails in parallel', async () => {
    const parser = start();
    await Promise.all(
      mailFixtures().map(async ({ raw, context: given }) => {
        const expected = readMail(raw, given);
        expect(await parser.parse(Buffer.from(raw), given)).toEqual(expected);
      }),
    );
  });

  it('gives each attachment a buffer of its own', async () => {
    const content = Buffer.alloc(1_000_000, 'abc');
    const raw = mail(`Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n${content.toString('base64')}`);
    const { attachments } = await start().parse(raw, context);
    expect(Buffer.isBuffer(attachments[0]?.content)).toBe(true);
    expect(attachments[0]?.content.equals(content)).toBe(true);
    expect(attachments[0]?.content.buffer.byteLength).toBe(content.length);
  });

  it('does not change bytes that share their memory', async () => {
    const page = Buffer.from('....Subject: part of a page\r\n\r\nx....');
    const { subject } = await start().parse(page.subarray(4, -4), context);
    expect(subject).toBe('part of a page');
    expect(page.toString()).toBe('....Subject: part of a page\r\n\r\nx....');
  });

  it('reports why a mail is unreadable', async () => {
    const levels = Array.from(
      { length: 300 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`,
    );
    await expect(start().parse(mail(levels.join('')), context)).rejects.toMatchObject({
      reason: 'unreadable',
      message: 'the mail is nested more than 256 levels deep',
    });
  });

  it('reuses its threads and starts no more than allowed', async () => {
    const parser = start({ workerFile: fake, threads: 2 });
    const emails = await Promise.all(Array.from({ length: 20 }, (_, i) => tell(parser, String(i))));
    expect(new Set(emails.map(({ subject }) => subject)).size).toBeLessThanOrEqual(2);
  });

  it('stops a thread that does not answer in time and reads the next mail in another', async () => {
    const parser = start({ workerFile: fake, threads: 1, timeoutMs: 5_000 });
    const first = await tell(parser, 'a');
    const endless = tell(parser, 'endless');
    const next = tell(parser, 'b');
    await expect(endless).rejects.toMatchObject({
      reason: 'unreadable',
      message: 'the mail could not be parsed within 5 s',
    });
    expect((await next).subject).not.toBe(first.subject);
  });

  it('fails only the mail that exhausts the memory of its thread', async () => {
    const parser = start({ workerFile: fake, threads: 1, maxHeapMb: 32 });
    const memory = tell(parser, 'memory');
    const next = tell(parser, 'b');
    await expect(memory).rejects.toMatchObject({ reason: 'unreadable' });
    await expect(next).resolves.toMatchObject({ headers: '1' });
  });

  it('fails only the mail that ends its thread', async () => {
    const parser = start({ workerFile: fake, threads: 1 });
    await expect(tell(parser, 'exit')).rejects.toMatchObject({ reason: 'unreadable' });
    await expect(tell(parser, 'b')).resolves.toMatchObject({ headers: '1' });
  });

  it('reports an error of the thread itself without its message, and not as unreadable', async () => {
    const parser = start({ workerFile: fake, threads: 1 });
    const failure = await tell(parser, 'throw').catch((error: unknown) => error);
    expect(failure).toEqual(new Error('the parser thread failed'));
    expect(failure).not.toHaveProperty('reason');
    await expect(tell(parser, 'b')).resolves.toMatchObject({ headers: '1' });
  });

  it('rejects when its worker file is missing', async () => {
    await expect(tell(start({ workerFile: join(folder, 'none.js') }), 'a')).rejects.toThrow(
      'the parser thread failed',
    );
  });

  it('rejects pending and later calls when it is closed', async () => {
    const parser = start({ workerFile: fake, threads: 1 });
    const pending = [tell(parser, 'endless'), tell(parser, 'a')].map((promise) => promise.catch(String));
    await parser.close();
    expect(await Promise.all(pending)).toEqual(
      Array(2).fill('Error: the mail parser was closed while a mail was being parsed'),
    );
    await expect(tell(parser, 'b')).rejects.toThrow('the mail parser is closed');
  });

  it('does not keep an idle process alive', () => {
    const script = `
      const { createMailParser } = require('./parser.client.js');
      const parser = createMailParser({ workerFile: '${workerFile}', timeoutMs: 600000, threads: 2 });
      parser.parse(Buffer.from('Subject: done'), { messageId: '1', receivedAt: '2024-01-01T00:00:00Z', network: 'x' })
        .then((email) => console.log(email.subject));`;
    const run = spawnSync(process.execPath, ['-e', script], {
      cwd: folder,
      timeout: 20_000,
      encoding: 'utf8',
    });
    expect([run.stdout, run.stderr, run.status, run.signal]).toEqual(['done\n', '', 0, null]);
  });
});
