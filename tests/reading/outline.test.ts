import { createHash, randomBytes } from 'node:crypto';
import { isStored } from '../../shared/email/content';
import { readItem } from '../../shared/delivery/read-item';
import { contentOf, outlineOf } from '../../shared/reading/outline';
import { readLine } from '../../shared/reading/read-line';
import { createNumbers } from '../../shared/participants/phone';
import type { Deps } from '../../shared/deps';
import type { ConnectorId } from '../../shared/connectors';
import type { ItemPointer } from '../../shared/item';

const numbers = createNumbers(undefined);
const kB = 1024;

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await Promise.resolve();
  }
}
const wrapped = (bytes: Buffer, width = 76, lineEnd = '\r\n') =>
  bytes.toString('base64').replace(new RegExp(`.{${width}}`, 'g'), `$&${lineEnd}`);

const fields = {
  messageId: '1_1',
  gatewayReceivedDate: '2026-11-20T08:00:00.000Z',
  usersEmailAddress: [{ mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' }],
};
const chat = (attachment: object[], change = (json: string) => json) =>
  Buffer.from(
    change(
      JSON.stringify({
        ...fields,
        sourceType: 'WHATSAPP_ARCHIVER',
        messageContext: 'multimedia-message',
        messageTime: '2026-11-20T07:59:00Z',
        textContent: 'Text with a "quote" and a \\ before the file',
        attachment,
      }),
    ),
  );
const mail = (parts: string[], change = (json: string) => json) =>
  Buffer.from(
    change(
      JSON.stringify({
        ...fields,
        sourceType: 'WECHAT',
        mime: Buffer.from(
          [
            'From: Anna <anna@contoso.example>',
            'To: Bo <bo@contoso.example>',
            'Subject: files',
            'Date: Fri, 20 Nov 2026 08:00:00 +0000',
            'MIME-Version: 1.0',
            'Content-Type: multipart/mixed; boundary="b1"',
            '',
            ...parts.flatMap((part) => ['--b1', part]),
            '--b1--',
            '',
          ].join('\r\n'),
        ).toString('base64'),
      }),
    ),
  );
const part = (body: string, type = 'application/pdf', disposition = 'attachment; filename="a.pdf"') =>
  `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: ${disposition}\r\n\r\n${body}`;
const text = 'Content-Type: text/plain\r\n\r\nHello';
const large = randomBytes(300 * kB + 1);
const small = randomBytes(10 * kB);

/** A reader without a thread, and a page that holds nothing but the line. */
function depsOf(line: Buffer, chunk: number): Deps {
  return {
    config: { import: { lineMaxBytes: 1e9 } },
    itemReader: {
      read: (bytes: Uint8Array, connector: ConnectorId) =>
        Promise.resolve().then(() => readLine(Buffer.from(bytes), connector, numbers)),
    },
    batches: {
      streamRange: (_: string, offset: number, length: number) =>
        inChunks(line.subarray(offset, offset + length), chunk),
      readRange: (_: string, offset: number, length: number) =>
        Promise.resolve(Buffer.from(line.subarray(offset, offset + length))),
    },
  } as unknown as Deps;
}
const pointerTo = (line: Buffer, connector: ConnectorId): ItemPointer => ({
  ...{ v: 1, connector, batch: 1, position: 0, blob: 'p', offset: 0, length: line.length },
});
/** Blanks before the first field, so that the line is long enough to be outlined. */
const padded = (line: Buffer) => Buffer.concat([Buffer.from('{' + ' '.repeat(1100 * kB)), line.subarray(1)]);

const cases: [name: string, connector: ConnectorId, line: Buffer, stored: number][] = [
  [
    'a file of a chat',
    'whatsapp',
    chat([{ name: 'a.bin', contentType: 'a/b', content: large.toString('base64') }]),
    1,
  ],
  [
    'files of all sizes',
    'whatsapp',
    chat(
      [small, large, Buffer.alloc(0), randomBytes(200 * kB)].map((one, at) => ({
        name: `${at}`,
        content: one.toString('base64'),
      })),
    ),
    2,
  ],
  [
    'escaped slashes',
    'whatsapp',
    chat([{ content: large.toString('base64') }], (json) => json.replaceAll('/', '\\/')),
    1,
  ],
  [
    'escaped padding',
    'whatsapp',
    chat([{ content: large.toString('base64') }], (json) => json.replaceAll('=', '\\u003d')),
    1,
  ],
  ['escaped line breaks', 'whatsapp', chat([{ content: wrapped(large) }]), 1],
  ['the URL alphabet', 'whatsapp', chat([{ content: large.toString('base64url') }]), 1],
  ['a long text', 'whatsapp', chat([{ name: 'x'.repeat(200 * kB), content: '' }]), 0],
  ['a file of a mail', 'wechat', mail([text, part(wrapped(large))]), 1],
  ['line feeds alone', 'wechat', mail([text, part(wrapped(large, 64, '\n'))]), 1],
  [
    'several files of a mail',
    'wechat',
    mail([text, part(wrapped(small)), part(wrapped(large)), part(wrapped(randomBytes(230 * kB + 2)))]),
    2,
  ],
  ['whole lines only', 'wechat', mail([text, part(wrapped(large.subarray(0, 57 * 4000)))]), 1],
  ['an escaped mail', 'wechat', mail([text, part(wrapped(large))], (json) => json.replaceAll('/', '\\/')), 1],
  [
    'a long body',
    'wechat',
    mail([part(wrapped(Buffer.alloc(200 * kB, 'body ')), 'text/plain', 'inline'), part(wrapped(large))]),
    1,
  ],
  ['a text file', 'wechat', mail([text, part(wrapped(Buffer.alloc(200 * kB, 'a,b\r\n')), 'text/csv')]), 1],
];

describe('the outline of a line', () => {
  it.each(cases)('of %s makes the same item', async (_, connector, short, stored) => {
    const line = padded(short);
    const whole = readLine(Buffer.from(line), connector, numbers);
    if (whole.kind !== 'communication') throw new Error('no communication');
    const pointer = pointerTo(line, connector);
    for (const chunk of [61, 4096, 65_536, line.length]) {
      const item = await readItem(depsOf(line, chunk), pointer, 'outline');
      if (item.kind !== 'communication') throw new Error('no communication');
      expect(item.itemKey).toBe(whole.itemKey);
      expect(item.known.sha256).toBe(createHash('sha256').update(line).digest('hex'));
      expect(item.email.body).toEqual(whole.email.body);
      expect(item.email.attachments.filter(({ content }) => isStored(content))).toHaveLength(stored);
      for (const [at, { content, ...rest }] of item.email.attachments.entries()) {
        const { content: expected, ...same } = whole.email.attachments[at]!;
        expect(rest).toEqual(same);
        const parts: Buffer[] = [];
        if (isStored(content)) for await (const bytes of content.read()) parts.push(Buffer.from(bytes));
        expect((isStored(content) ? Buffer.concat(parts) : content).equals(expected)).toBe(true);
        expect(content.length).toBe(expected.length);
      }
    }
  });

  it.each([
    ['content that is no base64', 'whatsapp', chat([{ content: `${large.toString('base64')}!` }])],
    ['padding too much', 'whatsapp', chat([{ content: `${large.toString('base64')}=` }])],
    ['base64 that no header declares', 'wechat', mail([text, `Content-Type: a/b\r\n\r\n${wrapped(large)}`])],
    ['something below the base64', 'wechat', mail([text, part(`${wrapped(large)}\r\n*\r\nfooter`)])],
    ['lines of changing length', 'wechat', mail([text, part(wrapped(large) + '\r\n' + wrapped(large, 60))])],
    [
      'a line that ends too early',
      'whatsapp',
      chat([{ content: large.toString('base64') }]).subarray(0, -50),
    ],
    [
      'a line with too much between its files',
      'whatsapp',
      chat([{ name: 'x'.repeat(5000 * kB), content: '' }]),
    ],
  ] as [string, ConnectorId, Buffer][])('refuses %s', async (_, connector, short) => {
    const line = padded(short);
    const pointer = pointerTo(line, connector);
    await expect(readItem(depsOf(line, 65_536), pointer, 'outline')).rejects.toThrow('as a whole');
  });

  it('notices that a file is no longer what it was', async () => {
    const line = chat([{ content: large.toString('base64') }]);
    const { cuts } = (await outlineOf(inChunks(line, 1000)))!;
    const { start, span } = cuts[0]!;
    const changed = Buffer.from(line.subarray(start, start + span));
    changed[5] = changed[5] === 0x41 ? 0x42 : 0x41;
    const read = async () => {
      for await (const _ of contentOf(cuts[0]!, inChunks(changed, 1000)));
    };
    await expect(read()).rejects.toThrow('or other ones');
  });
});
