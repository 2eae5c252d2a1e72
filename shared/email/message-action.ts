import type { Act } from './email';

/** Prefixes that TeleMessage puts before the id of the message that a later act concerns. */
const prefixes: readonly (readonly [prefix: string, kind: Act['kind']])[] = [
  ['RECALL-', 'recalled'],
  ['DELETE_FOR_ME-', 'deletedForMe'],
  ['DELETE_FOR_ALL-', 'deletedForAll'],
  // For whom the messages of a chat are gone, the source does not say.
  ['DELETE_ALL_MESSAGES-', 'deleted'],
  ['EDIT-', 'edited'],
];

/**
 * The act that a source message id states, or undefined for the id of an original message (or of nothing
 * but a prefix: there is no original to link to). `originalId` is everything after the first prefix, so an
 * edit that was deleted later links to the edit.
 */
export function readAct(messageId: string): Act | undefined {
  for (const [prefix, kind] of prefixes) {
    if (messageId.startsWith(prefix) && messageId.length > prefix.length) {
      return { kind, originalId: messageId.slice(prefix.length) };
    }
  }
  return undefined;
}
