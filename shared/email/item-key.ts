import { createHash, type Hash } from 'node:crypto';
import { isStored, type Content } from './content';
import type { Email } from './email';

/** Hashed into every key. Never change it: mailboxes must be searchable by today's keys for decades. */
const version = 'telemessage-archiver item key 1';
/** For items without text: another item's attachment must not hash like the fields that replace the text. */
const versionWithoutText = `${version}, without text`;

/**
 * The key of an item, 64 hex digits: SHA-256 over the connector, the source's message id, and the content (send time
 * as written, text, attachments' bytes). Names of files and people, the subject and transport details are left out,
 * because they change when the source serves an item again. An item with neither text nor attachments uses what else
 * the source says: for a call its kind, direction, status, start and end as written, otherwise the subject.
 *
 * Pass the email as it was read, before the size rule, so that the key does not depend on a configured limit.
 */
export function itemKey(connectorId: string, sourceId: string, email: Email<Buffer>): string {
  const hash = hashOfTexts(connectorId, sourceId, email);
  for (const { content } of email.attachments) hash.update(lengthOf(content)).update(content);
  return hash.digest('hex');
}

/** The same for an email with files that are not in memory: reads each of them once. */
export async function itemKeyOfStored(connectorId: string, sourceId: string, email: Email): Promise<string> {
  const hash = hashOfTexts(connectorId, sourceId, email);
  for (const { content } of email.attachments) {
    hash.update(lengthOf(content));
    if (isStored(content)) for await (const bytes of content.read()) hash.update(bytes);
    else hash.update(content);
  }
  return hash.digest('hex');
}

function hashOfTexts(connectorId: string, sourceId: string, email: Email): Hash {
  const hash = createHash('sha256');
  // UTF-8 would turn all lone surrogates into one character; UTF-16 keeps every string exact.
  const instead = insteadOfText(email);
  const head = instead.length === 0 ? version : versionWithoutText;
  for (const text of [head, connectorId, sourceId, email.sentAsWritten, email.body.content, ...instead]) {
    const bytes = Buffer.from(text, 'utf16le');
    hash.update(lengthOf(bytes)).update(bytes);
  }
  return hash;
}

/** Without the length, a byte could move from one field to the next and leave the key unchanged. */
function lengthOf(content: Pick<Content, 'length'>): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(content.length));
  return length;
}

function insteadOfText({ body, attachments, besidesText, subject }: Email): string[] {
  if (body.content.trim() !== '' || attachments.length > 0) return [];
  return besidesText ?? (subject.trim() === '' ? [] : ['subject', subject]);
}
