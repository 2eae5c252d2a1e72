import { createHash } from 'node:crypto';
import type { Email } from './email';
import { cutTo, oneLine } from './safe-text';

/** Hashed into every id. Never change it: an action that arrives years later must link to today's ids. */
const version = 'telemessage-archiver threading 1';

/**
 * Six most significant bytes of the FILETIME of 2020-01-01T00:00:00Z; the first one is the 0x01 that [MS-OXOMSG]
 * section 2.2.1.3 requires. All conversations share this instant: their real start is unknown, and all items of a
 * conversation need the same header bytes, in whatever order they arrive.
 */
const indexStart = Buffer.from('01d5c0366905', 'hex');

const maxTopicLength = 255;
const maxReferencesLength = 8_000;

export interface Threading {
  internetMessageId: string;
  inReplyTo?: string;
  /** Message-Ids separated by spaces; absent when there are none. */
  references?: string;
  /** PidTagConversationTopic; absent when the conversation has no name. */
  topic?: string;
  /** PidTagConversationIndex, base64 of 22 bytes. */
  index: string;
}

/** The Message-Id of the item with this source id. It never changes, so a later action can refer to it. */
export function messageId(connectorId: string, sourceId: string): string {
  return `<${hashOf(connectorId, 'message', sourceId).toString('hex', 0, 20)}@${connectorId}.archive.invalid>`;
}

/**
 * The properties by which Outlook groups a conversation, and shows an action (recall, deletion, edit) as a reply to
 * its original. The conversation's key alone decides the group; without child blocks Outlook sorts by time.
 */
export function threading(email: Email, connectorId: string, sourceId: string): Threading {
  const own = email.references.map((id) => id.trim()).filter((id) => /^<[!-;=?-~]{1,990}>$/.test(id));
  const originalId = email.action?.originalId;
  const ids = originalId === undefined ? own : [...own, messageId(connectorId, originalId)];
  const inReplyTo = ids.at(-1);
  const references = newest(ids);
  const topic = cutTo(maxTopicLength, oneLine(email.conversation.topic) || oneLine(email.subject));
  const guid = hashOf(connectorId, 'chat', email.conversation.key).subarray(0, 16);
  return {
    internetMessageId: messageId(connectorId, sourceId),
    ...(inReplyTo !== undefined && { inReplyTo, references }),
    ...(topic !== '' && { topic }),
    index: Buffer.concat([indexStart, guid]).toString('base64'),
  };
}

/** The newest ids that fit: a mail can carry an endless chain, and threading needs its newest end. */
function newest(ids: string[]): string {
  let first = ids.length;
  for (let length = 0; first > 0; first--) {
    length += ids[first - 1]!.length + 1;
    if (length > maxReferencesLength) break;
  }
  return ids.slice(first).join(' ');
}

function hashOf(...fields: string[]): Buffer {
  // Joined fields could collide; JSON keeps them apart, and writes even half a surrogate pair exactly.
  return createHash('sha256')
    .update(JSON.stringify([version, ...fields]))
    .digest();
}
