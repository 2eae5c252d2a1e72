import { numberKey, type Party } from '../email/email';
import { translate, type Language } from '../email/phrases';
import { oneLine } from '../email/safe-text';
import type { SourceMessage } from '../telemessage/message';

/** The sender of a chat message; undefined when the source names none. */
export function senderOf(message: SourceMessage): Party | undefined {
  const { from, fromEnriched } = message;
  if (from === undefined || from.trim() === '') return undefined;
  // A message has one sender, so a name without a number can only be theirs.
  const enriched = fromEnriched && { ...fromEnriched, value: fromEnriched.value ?? from };
  return partyOf(from, enriched ? [enriched] : [], message.usersEmailAddress);
}

/** The recipients of a chat message in the source's order, each number once. */
export function recipientsOf(message: SourceMessage): Party[] {
  const called = message.callInfo?.recipientNum ?? '';
  const listed = message.to.filter((number) => number.trim() !== '');
  // A call log may name the called person nowhere else.
  const numbers = listed.length === 0 && called.trim() !== '' ? [called] : listed;
  const seen = new Set<string>();
  const once = numbers.filter((number) => {
    const key = numberKey(number);
    // Two unknown parties may be two people.
    return isUnknown(number) || (!seen.has(key) && seen.add(key));
  });
  const names = byNumber(message.toEnriched, ({ value }) => value);
  const users = byNumber(message.usersEmailAddress, ({ mobileNumber }) => mobileNumber);
  return once.map((number) =>
    partyOf(number, names.get(numberKey(number)) ?? [], users.get(numberKey(number)) ?? []),
  );
}

/** A search through all entries for each member would make a group of thousands slow. */
function byNumber<T>(entries: readonly T[], number: (entry: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const key = numberKey(number(entry) ?? '');
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}

function partyOf(
  written: string,
  enriched: readonly NonNullable<SourceMessage['fromEnriched']>[],
  users: SourceMessage['usersEmailAddress'],
): Party {
  const key = numberKey(written);
  const known = users.filter((user) => numberKey(user.mobileNumber ?? '') === key);
  const names = [
    ...enriched.filter(({ value }) => numberKey(value ?? '') === key).map(({ fullName }) => fullName),
    ...known,
  ].map((full) =>
    [full?.firstName, full?.lastName]
      .map((part) => part?.trim())
      .filter(Boolean)
      .join(' '),
  );
  const name = names.find((text) => text !== '') ?? '';
  if (isUnknown(written)) return { name };
  const email = known.map(({ emailAddress }) => emailAddress?.trim()).find(Boolean);
  const text = written.trim();
  // Some networks write an address or a plain name in place of a number.
  if (text.includes('@')) return { name, address: text };
  if (!/\d/.test(text)) return { name: name || text, ...(email && { address: email }) };
  return { name, ...(email && { address: email }), number: text };
}

/** What a person calls the party: its name, else its number, else its address. */
export function partyName(party: Party | undefined, language: Language): string {
  const names = [party?.name, party?.number, party?.address].map((text) => oneLine(text ?? ''));
  return names.find((text) => text !== '') ?? translate('unknown', {}, language);
}

/** True for the literal that the source writes in place of a party that it does not know. */
export function isUnknown(number: string): boolean {
  return number.trim().toUpperCase() === 'UNKNOWN';
}
