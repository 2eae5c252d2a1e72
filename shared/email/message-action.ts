/** A recall, deletion or edit of an earlier message, which arrives as an item of its own. */
export interface MessageAction {
  kind: 'recalled' | 'deletedForMe' | 'deletedForAll' | 'deleted' | 'edited';
  /** Source id of the earlier message, if the source says which one it is. */
  originalId?: string;
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

/** Words for the actions in the source's languages, as they begin a subject, a text or the value of a header. */
const words: readonly (readonly [word: RegExp, kind: MessageAction['kind']])[] = [
  [/^(?:recall|revoke|已?撤回|회수|återkall|rappel)/i, 'recalled'],
  [/^delet\w*[\s_-]+for[\s_-]+(?:all|everyone)/i, 'deletedForAll'],
  [/^delet\w*[\s_-]+for[\s_-]+me/i, 'deletedForMe'],
  [/^(?:delet|已?删除|삭제|rader|supprim)/i, 'deleted'],
  [/^(?:edit|已?编辑|수정|rediger|modifi)/i, 'edited'],
];

/** The kind of action that a word or phrase of the source names. */
export const actionNamed = (text: string): MessageAction['kind'] | undefined =>
  words.find(([word]) => word.test(text.trim()))?.[1];

/** How sources write the id of the earlier message: `原消息 ID`, `Original Message (Msg ID - ID)`. */
const originalIn = /(?:原消息|Original Message)\s*(?:\(Msg ID -|[:：])?\s*([\w.@:-]{4,200})/i;

/** The action that a text begins with in brackets, such as `[撤回] 原消息 …`, with the original's id where it stands. */
export function actionInText(text: string): MessageAction | undefined {
  const start = text.slice(0, 1000);
  const kind = actionNamed(/^\s*[[【]([^\]】]{1,40})[\]】]/.exec(start)?.[1] ?? '');
  if (kind === undefined) return undefined;
  const originalId = originalIn.exec(start)?.[1];
  return { kind, ...(originalId !== undefined && { originalId }) };
}
