import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { connectors } from '../../shared/connectors';
import { itemKey } from '../../shared/email/item-key';
import type { Attachment, Email, Party } from '../../shared/email/email';
import { mailboxItem, type MailboxItem } from '../../shared/email/mailbox-item';
import { readChat } from '../../shared/chat/read-chat';
import { applySizeRules } from '../../shared/email/size-rules';
import type { Provenance } from '../../shared/item';
import { namedIn, type NamedIn } from '../../shared/participants/participants';
import { createNumbers } from '../../shared/participants/phone';
import { sourceMessage, type SourceMessage } from '../../shared/telemessage/message';

const fixtures = path.join(__dirname, '../fixtures');

/** Names of the fixture pairs in a folder, found on disk. */
export function fixtureNames(folder: string): string[] {
  const files = readdirSync(path.join(fixtures, folder));
  return files
    .filter((file) => file.endsWith('.json') && !file.endsWith('.expected.json'))
    .map((file) => path.basename(file, '.json'))
    .sort();
}

export function readFixture(folder: string, file: string): unknown {
  return JSON.parse(readFileSync(path.join(fixtures, folder, file), 'utf8'));
}

/** Through the real schema, as the pipeline reads a line. */
export function readMessage(folder: string, name: string): SourceMessage {
  return sourceMessage.parse(readFixture(folder, `${name}.json`));
}

const numbers = createNumbers();

/** The message with its parties, as the pipeline reads a chat. */
export const named = (message: SourceMessage): NamedIn => namedIn(message, numbers);

/** An attachment in the form of the fixtures: bytes as base64. */
export function shown({ content, ...rest }: Attachment) {
  return { ...rest, content: (content as Buffer).toString('base64') };
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function provenanceOf(message: SourceMessage, changes: Partial<Provenance> = {}): Provenance {
  return {
    connector: 'whatsapp',
    batch: 7,
    position: 42,
    sourceId: message.messageId,
    sha256: sha256(message.messageId),
    receivedAt: message.gatewayReceivedDate,
    ...changes,
  };
}

/** Converts a chat message as the import does. */
export function convertChat(message: SourceMessage, limitBytes = 10 * 1_048_576): MailboxItem {
  const source = named(message);
  const email = readChat(source, connectors.whatsapp);
  const sized = applySizeRules(email, limitBytes);
  if (sized.kind === 'tooLarge') throw new Error('The fixture is larger than the limit.');
  return convert(sized.email, sized.dropped, provenanceOf(message), source.users, email);
}

/** The item of an email; its key comes from `original`, the email before the size rule. */
export function convert(
  email: Email<Buffer>,
  dropped: Parameters<typeof mailboxItem>[1],
  provenance: Provenance,
  users: readonly Party[] = [],
  original = email,
): MailboxItem {
  const connector = connectors[provenance.connector];
  const key = itemKey(connector.id, provenance.sourceId, original);
  return mailboxItem(email, dropped, provenance, connector, {
    itemClass: connector.itemClass,
    users,
    itemKey: key,
  });
}

export function anEmail(changes: Partial<Email<Buffer>> = {}): Email<Buffer> {
  return {
    subject: 'Lunch',
    from: { name: 'Ada', address: 'ada@contoso.com' },
    to: [{ name: 'Bo', address: 'bo@contoso.com' }],
    cc: [],
    bcc: [],
    sentAt: '2024-03-01T11:30:00.000Z',
    sentAsWritten: 'Fri, 1 Mar 2024 19:30:00 +0800',
    body: { type: 'text', content: 'At noon?' },
    facts: { network: 'WeChat', source: 'WECHAT' },
    attachments: [],
    conversation: { key: 'lunch', topic: 'Lunch' },
    references: [],
    ...changes,
  };
}

export function aFile(name: string, content: Buffer | string): Attachment<Buffer> {
  return { name, contentType: 'application/pdf', content: Buffer.from(content), inline: false };
}

export function aProvenance(changes: Partial<Provenance> = {}): Provenance {
  return {
    connector: 'wechat',
    batch: 7,
    position: 42,
    sourceId: '1709292600000_1',
    sha256: 'ab'.repeat(32),
    receivedAt: '2024-03-01T12:00:00.000Z',
    ...changes,
  };
}
