import { numberKey, partiesIn, type Party } from '../email/email';
import { withE164, type NamedIn } from '../participants/participants';
import { readParties } from '../participants/party-list';
import { numberOfAccount, type Numbers } from '../participants/phone';
import type { SourceMessage } from '../telemessage/message';

type Enriched = NonNullable<SourceMessage['fromEnriched']>;

/**
 * The sender and the recipients of a chat message, each person once. A party that the source does not know is the entry
 * of *User's Email address* that no other party is, if there is exactly one of each.
 */
export function partiesOf(source: NamedIn): { from: Party | undefined; to: Party[] } {
  const from = senderOf(source);
  const to = recipientsOf(source);
  // The source may know the name of a party without number or address.
  const isNowhere = ({ number, address }: Party) => number === undefined && address === undefined;
  const { message } = source;
  const areUnknown = [message.from ?? '', ...message.to].filter(isUnknown).length;
  const parties = partiesIn({ from, to });
  const unknown = parties.filter(isNowhere);
  if (unknown.length !== 1 || areUnknown !== 1) return { from, to };
  const named = new Set(parties.flatMap(keysOf));
  const others = source.users.filter((user) => !keysOf(user).some((key) => named.has(key)));
  const [only] = others;
  if (!only || others.length > 1) return { from, to };
  const known = (party: Party) => (party === unknown[0] ? { ...only, name: party.name || only.name } : party);
  return { from: from && known(from), to: to.map(known) };
}

const keysOf = (party: Party) => [numberKey(party), (party.address ?? '').toLowerCase()].filter(Boolean);

function senderOf(source: NamedIn): Party | undefined {
  const { from, fromEnriched } = source.message;
  if (from === undefined || from.trim() === '') return undefined;
  // A message has one sender, so a name without a number can only be theirs.
  const enriched = fromEnriched && { ...fromEnriched, value: fromEnriched.value ?? from };
  return createReader(source, enriched ? [enriched] : [])(from);
}

function recipientsOf(source: NamedIn): Party[] {
  const { to, callInfo, toEnriched } = source.message;
  const called = callInfo?.recipientNum ?? '';
  const listed = to.filter((written) => written.trim() !== '');
  // A call log may name the called person nowhere else.
  const written = listed.length === 0 && called.trim() !== '' ? [called] : listed;
  const read = createReader(source, toEnriched);
  const seen = new Set<string>();
  return written.map(read).filter((party) => {
    const key = keyOf(party);
    // Two unknown parties may be two people.
    return key === '' || (!seen.has(key) && seen.add(key));
  });
}

/** By what two texts that name one person are equal; empty for an unknown party. */
export const keyOf = (party: Party): string =>
  (party.numberInName ? '' : numberKey(party)) || (party.address ?? party.name).toLowerCase();

/** The party that a text states: a number, an id, an address with or without a name, or a name. */
export function statedParty(written: string, numbers: Numbers): Party {
  const text = written.trim();
  if (isUnknown(text)) return { name: '' };
  const account = numberOfAccount(text);
  if (account !== undefined) return withE164({ name: '', number: account }, numbers);
  // Some networks write an address or a plain name in place of a number.
  if (text.includes('@')) {
    const [party] = readParties(text);
    return withE164(party ?? { name: '', address: text }, numbers);
  }
  return /\p{Nd}/u.test(text) ? withE164({ name: '', number: text }, numbers) : { name: text };
}

/** A search through all entries for each member would make a group of thousands slow. */
function createReader({ users, numbers }: NamedIn, enriched: readonly Enriched[]) {
  const named = new Map<string, Enriched[]>();
  for (const entry of enriched) add(named, keyOf(statedParty(entry.value ?? '', numbers)), entry);
  const known = new Map<string, Party[]>();
  for (const user of users) {
    add(known, numberKey(user), user);
    if (user.address !== undefined) add(known, user.address.toLowerCase(), user);
  }
  return (written: string): Party => {
    const stated = statedParty(written, numbers);
    const key = keyOf(stated);
    const same = key === '' ? [] : (known.get(key) ?? []);
    const names = [
      ...(named.get(key) ?? []).map(({ fullName }) => fullNameOf(fullName)),
      ...same.map(({ name }) => name),
      stated.name,
    ];
    const name = names.find((text) => text !== '') ?? '';
    const address = stated.address ?? same.find((user) => user.address !== undefined)?.address;
    const withNumber = stated.number === undefined || stated.numberInName ? same.find(hasNumber) : stated;
    const { number, e164, numberInName } = withNumber ?? stated;
    return {
      name,
      ...(address !== undefined && { address }),
      ...(number !== undefined && { number }),
      ...(e164 !== undefined && { e164 }),
      ...(numberInName && { numberInName }),
    };
  };
}

const hasNumber = ({ number }: Party) => number !== undefined;

function add<T>(groups: Map<string, T[]>, key: string, entry: T): void {
  const group = groups.get(key);
  if (group) group.push(entry);
  else groups.set(key, [entry]);
}

const fullNameOf = (full: Enriched['fullName']) =>
  [full?.firstName, full?.lastName]
    .map((part) => part?.trim())
    .filter(Boolean)
    .join(' ');

/** True for the literal that the source writes in place of a party that it does not know. */
function isUnknown(number: string): boolean {
  return number.trim().toUpperCase() === 'UNKNOWN';
}
