import { createHash } from 'node:crypto';
import type { Email } from './email';

/** Part of every key: keys made today must be found in mailboxes for decades. Never change what it stands for. */
const version = 'telemessage-archiver item key 1';
/** Of an item without text: no attachment of another item can stand for what is told instead. */
const versionWithoutText = `${version}, without text`;

/**
 * The key of an item, 64 hex digits: SHA-256 over the connector, the source's message id, and what the source
 * said (send time as written, text, attachments' bytes). Names of files and of people, the subject and the
 * transport's details stand outside: they change when the source serves an item again. An item with neither text
 * nor attachments is told by what else the source says: a call by kind, direction, status, start and end as
 * written, any other by its subject.
 *
 * Call it with the email as it was read, before size rules: the key must not move with a limit.
 */
export function itemKey(connectorId: string, sourceId: string, email: Email): string {
  const hash = createHash('sha256');
  const field = (bytes: Buffer) => {
    // The length goes first, or a byte could move from one field to the next without changing the key.
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
  };
  // UTF-16 is exact for every string; UTF-8 would make all broken surrogates the same character.
  const instead = insteadOfText(email);
  const head = instead.length === 0 ? version : versionWithoutText;
  for (const text of [head, connectorId, sourceId, email.sentAsWritten, email.body.content, ...instead]) {
    field(Buffer.from(text, 'utf16le'));
  }
  for (const { content } of email.attachments) field(content);
  return hash.digest('hex');
}

function insteadOfText({ body, attachments, besidesText, subject }: Email): string[] {
  if (body.content.trim() !== '' || attachments.length > 0) return [];
  return besidesText ?? (subject.trim() === '' ? [] : ['subject', subject]);
}
