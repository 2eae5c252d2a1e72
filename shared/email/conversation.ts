import type { Email } from './email';

/** Somebody who took part in a conversation. */
export interface Person {
  /** Does not change with the address or number which one message happens to name. */
  id: string;
  /** What people call them. */
  name: string;
}

/**
 * The conversation of an item. If the source gives it no id, its people make the key and their names the topic. Exchange
 * may group by either one, so every message of a chat gets the same key and the same topic.
 *
 * @param people in any order; undefined if somebody who took part is unknown: then nothing tells whose conversation it
 *   is, and the message and its actions have one of their own
 */
export function conversationOf(
  { conversation, action }: Pick<Email, 'conversation' | 'action'>,
  people: readonly Person[] | undefined,
  sourceId: string,
): Email['conversation'] {
  const { key, topic, isOfPeople } = conversation;
  if (!isOfPeople) return conversation;
  const byId = new Map((people ?? []).map((person) => [person.id, person]));
  if (byId.size === 0) return { key: joined(key, `message:${action?.originalId ?? sourceId}`), topic };
  const ids = [...byId.keys()].sort(byCodeUnit);
  // A group that only has a name keeps it as the topic.
  const names = ids.map((id) => byId.get(id)!.name).filter((name) => name !== '');
  return {
    key: joined(key, `people:${ids.join('\n')}`),
    topic: key === '' && names.length > 0 ? names.sort(byCodeUnit).join(', ') : topic,
  };
}

const joined = (key: string, rest: string) => (key === '' ? rest : `${key}\n${rest}`);
const byCodeUnit = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
