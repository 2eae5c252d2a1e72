import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectors } from '../../shared/connectors';
import type { Attachment, Email } from '../../shared/email/email';
import type { MailContext } from '../../shared/mail/read-mail';
import { createNumbers } from '../../shared/participants/phone';

const folder = join(__dirname, '..', 'fixtures', 'mails');

export const context: MailContext = {
  messageId: '1717128000000_17',
  receivedAt: '2024-05-31T04:00:05.000Z',
  connector: connectors.wechat,
  sourceType: 'WECHAT',
  numbers: createNumbers(),
};

export interface MailFixture {
  name: string;
  raw: Buffer;
  context: MailContext;
  /** The expected mail: attachments by size and SHA-256, without the header block. */
  email: unknown;
}

export function mailFixtures(): MailFixture[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.eml'));
  return names.map((file) => {
    const name = file.slice(0, -4);
    const expected = JSON.parse(readFileSync(join(folder, `${name}.expected.json`), 'utf8'));
    const raw = readFileSync(join(folder, file));
    return { name, raw, context: { ...context, ...expected.context }, email: expected.email };
  });
}

/** An email in the form of the fixtures' expected JSON. */
export function asFixture({ headers: _headers, attachments, bodyFile, ...email }: Email<Buffer>): unknown {
  const file = ({ content, ...attachment }: Attachment<Buffer>) => ({
    ...attachment,
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  });
  const files = { attachments: attachments.map(file), ...(bodyFile && { bodyFile: file(bodyFile) }) };
  return JSON.parse(JSON.stringify({ ...email, ...files }));
}

export function mail(text: string): Buffer {
  return Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8');
}
