import { createHash } from 'node:crypto';
import type { Email } from './email';
import { cutTo, oneLine } from './safe-text';

/** Stands in every derived id: acts that arrive years later must find the original's id again. */
const version = 'telemessage-archiver threading 1';

/**
 * Six most significant bytes of the FILETIME of 2020-01-01T00:00:00Z, the first of which is the 0x01 that
 * [MS-OXOMSG] 2.2.1.3 asks for. One instant for every chat: nobody knows when a chat began, and the items of
 * one chat must share their header byte for byte, in whatever order they arrive.
 */
const indexStart = Buffer.from('01d5c0366905', 'hex');

const maxTopicLength = 255;
const maxReferencesLength = 8_000;

export interface Threading {
  internetMessageId: string;
  inReplyTo?: string;
  /** Separated by spaces; absent when there are none. */
  references?: string;
  /** PidTagConversationTopic; absent when the chat has no name at all. */
  topic?: string;
  /** PidTagConversationIndex, base64 of 22 bytes. */
  index: string;
}

/** The Message-Id of the item with this source id: the same for ever, so that a later act can point to it. */
export function messageId(connectorId: string, sourceId: string): string {
  return `<${digest(connectorId, 'message', sourceId).toString('hex', 0, 20)}@${connectorId}.archive.invalid>`;
}

/**
 * What makes Outlook show the items of a chat as one conversation, and an act as an answer to its original.
 * The chat's key decides the conversation; there are no child blocks, so the order is that of the times.
 */
export function threading(email: Email, connectorId: string, sourceId: string): Threading {
  const own = email.references.map((id) => id.trim()).filter((id) => /^<[!-;=?-~]{1,990}>$/.test(id));
  const ids = email.act ? [...own, messageId(connectorId, email.act.originalId)] : own;
  const inReplyTo = ids.at(-1);
  const references = newest(ids);
  const topic = cutTo(maxTopicLength, oneLine(email.chat.topic) || oneLine(email.subject));
  const guid = digest(connectorId, 'chat', email.chat.key).subarray(0, 16);
  return {
    internetMessageId: messageId(connectorId, sourceId),
    ...(inReplyTo !== undefined && { inReplyTo, references }),
    ...(topic !== '' && { topic }),
    index: Buffer.concat([indexStart, guid]).toString('base64'),
  };
}

/** The newest ids that fit: a mail can drag an endless chain along, and the near end of it is what threads. */
function newest(ids: string[]): string {
  let first = ids.length;
  for (let length = 0; first > 0; first--) {
    length += ids[first - 1]!.length + 1;
    if (length > maxReferencesLength) break;
  }
  return ids.slice(first).join(' ');
}

function digest(...fields: string[]): Buffer {
  // JSON keeps the borders between the fields, and writes even half a surrogate pair exactly.
  return createHash('sha256')
    .update(JSON.stringify([version, ...fields]))
    .digest();
}
