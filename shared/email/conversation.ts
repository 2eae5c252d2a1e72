import type { Email } from './email';

/**
 * The conversation of an item, with its people in the key where the source has no id for it. People are known by ids
 * that do not change with the address or number which one message happens to name.
 *
 * @param ids one per person, in any order; undefined if somebody who took part is unknown: then nothing tells whose
 *   conversation it is, and the message and its actions have one of their own
 */
export function conversationOf(
  { conversation, action }: Pick<Email, 'conversation' | 'action'>,
  ids: readonly string[] | undefined,
  sourceId: string,
): Email['conversation'] {
  const { key, topic, isOfPeople } = conversation;
  if (!isOfPeople) return conversation;
  const people = [...new Set(ids)].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
  const whose =
    people.length > 0 ? `people:${people.join('\n')}` : `message:${action?.originalId ?? sourceId}`;
  return { key: key === '' ? whose : `${key}\n${whose}`, topic };
}
