import { createHash } from 'node:crypto';
import type { ReadItem } from '../delivery/read-item';
import { ownId } from '../participants/participants';

type Communication = Extract<ReadItem, { kind: 'communication' }>;

/**
 * What identifies an item's conversation outside the mailboxes: 16 hexadecimal digits, the same for all its items. It
 * comes from the source alone, so that it needs no directory: the source's own id of the chat, or else its people.
 */
export function conversationId({ provenance, email, participants, chat, sourceId }: Communication): string {
  const { key, isOfPeople } = email.conversation;
  const people = (chat ?? []).map((index) => ownId(participants[index]!)).toSorted();
  const ofPeople = people.length > 0 ? people.join('\n') : (email.action?.originalId ?? sourceId);
  const text = [provenance.connector, key, isOfPeople ? ofPeople : ''].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
