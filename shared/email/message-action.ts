/** A recall, deletion or edit of an earlier message, which arrives as an item of its own. */
export interface MessageAction {
  kind: 'recalled' | 'deletedForMe' | 'deletedForAll' | 'deleted' | 'edited';
  /** Source id of the earlier message. */
  originalId: string;
}

/** Prefixes that TeleMessage puts before the id of the earlier message. */
const prefixes: readonly (readonly [prefix: string, kind: MessageAction['kind']])[] = [
  ['RECALL-', 'recalled'],
  ['DELETE_FOR_ME-', 'deletedForMe'],
  ['DELETE_FOR_ALL-', 'deletedForAll'],
  // The source does not say for whom the messages were deleted.
  ['DELETE_ALL_MESSAGES-', 'deleted'],
  ['EDIT-', 'edited'],
];

/**
 * The action that a source message id states; undefined for an original message, and for a prefix without an id, which
 * leaves nothing to link to. Only the first prefix is removed, so the deletion of an edit links to the edit.
 */
export function readMessageAction(messageId: string): MessageAction | undefined {
  for (const [prefix, kind] of prefixes) {
    if (messageId.startsWith(prefix) && messageId.length > prefix.length) {
      return { kind, originalId: messageId.slice(prefix.length) };
    }
  }
  return undefined;
}
