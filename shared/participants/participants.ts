import { partiesIn, type Email, type Party } from '../email/email';
import type { SourceMessage } from '../telemessage/message';
import { isAddress } from './address';
import { readParties } from './party-list';
import { numberOfAccount, plainDigits, type Numbers } from './phone';

/** A party of an item as TeleMessage names it, before mapping. */
export interface Participant {
  /** May be empty. */
  name: string;
  /** E.164, without repeats. */
  numbers: string[];
  /** Well-formed addresses, without repeats; case does not count. */
  addresses: string[];
  /** Everything the source says about the party, for the failure record. */
  asWritten: string;
  /** E.164, from the display name of a party for which the source states an address and no number: a last resort. */
  numberInName?: string;
}

/** A participant with the numbers and addresses by which it can be recognised. */
interface Candidate extends Participant {
  /** An entry of *User's Email address*. */
  isUser: boolean;
  keys: Set<string>;
}

/** The party with its number in E.164, if the text is a number. */
export function withE164(party: Party, numbers: Numbers): Party {
  const e164 = party.number === undefined ? undefined : numbers(party.number);
  return e164 === undefined ? party : { ...party, e164 };
}

/** A message with what its parties are recognised by. */
export interface NamedIn {
  message: SourceMessage;
  /** The entries of *User's Email address*, one party each, in their order. */
  users: readonly Party[];
  numbers: Numbers;
}

/** The message with the parties that its *User's Email address* property names. */
export const namedIn = (message: SourceMessage, numbers: Numbers): NamedIn => ({
  message,
  users: usersIn(message.usersEmailAddress, numbers),
  numbers,
});

function usersIn(entries: SourceMessage['usersEmailAddress'], numbers: Numbers): Party[] {
  return entries.map(({ mobileNumber, emailAddress, firstName, lastName }) => {
    const [stated] = readParties(emailAddress ?? '');
    const written = emailAddress?.trim() ?? '';
    const address = stated?.address ?? (stated?.number === undefined ? written : '');
    const own = mobileNumber?.trim() ?? '';
    const number = (numberOfAccount(own) ?? own) || (stated?.numberInName ? '' : (stated?.number ?? ''));
    const name = [firstName, lastName].filter(Boolean).join(' ').trim() || (stated?.address && stated.name);
    return withE164(
      { name: name ?? '', ...(address !== '' && { address }), ...(number !== '' && { number }) },
      numbers,
    );
  });
}

/**
 * The participants of an item: every entry of the *User's Email address* property, then every party of the message
 * except blind copies. TeleMessage names the same person in both places, often with more details in one of them; who is
 * one participant is a rule of docs/mapping.md:
 *
 * - A party of the message is somebody named before if that one has all of the party's numbers and addresses.
 * - An entry of *User's Email address* is another entry if that one has its number and, if it states an address, that
 *   too. Two entries with one address, and a number in one of them alone, are two participants.
 *
 * People choose display names, so a number in one never identifies a party. `chat` are those who took part in the
 * message itself, as indexes; undefined if somebody who did is unknown.
 */
export function participants(
  users: readonly Party[],
  email: Pick<Email, 'from' | 'to' | 'cc'>,
): { participants: Participant[]; chat: number[] | undefined } {
  const known = users.map((user) => candidate(user, true));
  const named = partiesIn(email);
  takeNumbersInNames(known, named);
  const missing = (email.from ? 0 : 1) + (email.to.length + email.cc.length > 0 ? 0 : 1);
  const parties = named.map((party) => candidate(party, false));
  const all = [...known, ...parties];
  const same = sameParticipants(all);
  const kept = all.filter((one) => same.get(one) === one);
  return {
    participants: kept.map(({ keys: _keys, isUser: _isUser, ...participant }) => participant),
    chat: chatPeople({ users: known, parties, named, kept, same, missing }),
  };
}

/**
 * Who took part in the message itself, as indexes in the list of participants; undefined if nobody can say. Two rules
 * hold for a conversation that do not hold for mapping: a number in the display name of a party tells which entry of
 * *User's Email address* the party is, and unknown or missing parties are the entries that no other party is, if they are
 * as many.
 */
function chatPeople({
  users,
  parties,
  named,
  kept,
  same,
  missing,
}: {
  /** 1 for a message without a sender, 1 for one without recipients. */
  missing: number;
  users: readonly Candidate[];
  parties: readonly Candidate[];
  named: readonly Party[];
  kept: readonly Candidate[];
  same: ReadonlyMap<Candidate, Candidate>;
}): number[] | undefined {
  const byNumber = new Map(users.flatMap((user) => user.numbers.map((number) => [number, user] as const)));
  const people = new Set<Candidate>();
  let unknown = 0;
  parties.forEach((party, index) => {
    const inName = named[index]?.numberInName ? named[index].e164 : undefined;
    const holder = same.get(party);
    const user = inName === undefined || holder?.isUser ? undefined : byNumber.get(inName);
    const person = (user && same.get(user)) ?? holder;
    if (person) people.add(person);
    else unknown++;
  });
  const others = new Set(users.flatMap((user) => same.get(user) ?? []));
  for (const person of people) others.delete(person);
  // A message that names nobody is between all whom the source names.
  if (parties.length === 0) unknown = others.size;
  else unknown += missing;
  if (unknown > 0 && others.size !== unknown) return undefined;
  if (unknown > 0) for (const other of others) people.add(other);
  return kept.flatMap((one, index) => (people.has(one) ? [index] : []));
}

/**
 * The party whose device or account an item was captured from: the one with its number, else the sender of an outgoing
 * and the only recipient of an incoming message; undefined if nobody can say. `direction` is relative to that party, so
 * that it means nothing to anybody else.
 */
export function capturedFrom(
  { message, numbers }: NamedIn,
  { from, to, cc }: Pick<Email, 'from' | 'to' | 'cc'>,
): { party: Party; isSender: boolean } | undefined {
  const number = numbers(message.msisdn ?? '');
  const has = (party: Party | undefined): party is Party => party !== undefined && party.e164 === number;
  if (number !== undefined && has(from)) return { party: from, isSender: true };
  const owner = number === undefined ? undefined : [...to, ...cc].find(has);
  if (owner) return { party: owner, isSender: false };
  const direction = message.direction?.trim().toLowerCase() ?? '';
  const isKnown = (party: Party | undefined): party is Party =>
    party !== undefined && (party.name !== '' || party.number !== undefined || party.address !== undefined);
  if (/^out/.test(direction) && isKnown(from)) return { party: from, isSender: true };
  const [only, ...others] = [...to, ...cc];
  if (/^in/.test(direction) && others.length === 0 && isKnown(only)) return { party: only, isSender: false };
  return undefined;
}

/** An id of a participant that does not change with the spelling of an item. */
export const ownId = ({ numbers, addresses, name }: Participant): string =>
  numbers[0] ?? (addresses[0] ?? name).toLowerCase();

/** TeleMessage's usual form of a party is `First Last Mobile <address>`. */
function takeNumbersInNames(users: readonly Candidate[], parties: readonly Party[]): void {
  const byAddress = new Map<string, Candidate[]>();
  for (const user of users)
    for (const address of user.addresses) {
      const key = address.toLowerCase();
      const sharing = byAddress.get(key);
      if (sharing) sharing.push(user);
      else byAddress.set(key, [user]);
    }
  const digits = (text: string) => plainDigits(text).replace(/\D/g, '');
  for (const { name, address, number, e164, numberInName } of parties) {
    if (!numberInName || number === undefined || digits(name) !== digits(number)) continue;
    const known = byAddress.get(address?.toLowerCase() ?? '') ?? [];
    if (known[0] && e164 !== undefined && !known.some(statesNumber)) known[0].numberInName ??= e164;
  }
}

/** Whether the source states a number of the candidate, readable or not. */
const statesNumber = ({ keys, addresses }: Candidate) => keys.size > addresses.length;

function candidate(party: Party, isUser: boolean): Candidate {
  const address = party.address?.trim() ?? '';
  const addresses = isAddress(address) && isReal(address) ? [address] : [];
  const number = party.numberInName ? '' : (party.number?.trim() ?? '');
  const numbers = number !== '' && party.e164 !== undefined ? [party.e164] : [];
  const unread = number !== '' && party.e164 === undefined ? [`unread ${number}`] : [];
  const shown = address !== '' && isReal(address) ? `<${address}>` : '';
  const name = party.name.trim();
  return {
    name,
    numbers,
    addresses,
    asWritten: [name, name.includes(number) ? '' : number, shown].filter(Boolean).join(' '),
    isUser,
    keys: new Set([...numbers, ...addresses.map((one) => one.toLowerCase()), ...unread]),
  };
}

/** RFC 6761 reserves `.invalid` for names that never exist: such an address only fills a header. */
function isReal(address: string): boolean {
  return !/\.invalid$/i.test(address);
}

/** Whether `one`, all of whose keys `holder` has, is the same participant. */
const isSame = (holder: Candidate, one: Candidate) =>
  !one.isUser || (holder.isUser && (holder.keys.size === one.keys.size || statesNumber(one)));

/**
 * Maps each candidate to the participant that it is: to itself, or to the one that has all of its keys; of equals, to the
 * first. A candidate with only a name maps to one with that name; a candidate without a name has no entry. Groups have
 * hundreds of members, so only candidates that share a key are compared.
 */
function sameParticipants(candidates: readonly Candidate[]): Map<Candidate, Candidate> {
  const holders = new Map<string, Candidate[]>();
  const same = new Map<Candidate, Candidate>();
  // Most keys first, so that a candidate comes before those that it makes redundant. The sort is stable.
  for (const one of candidates.toSorted((a, b) => b.keys.size - a.keys.size)) {
    const nameKey = one.name ? [`named ${one.name.toLowerCase()}`] : [];
    const [first, ...others] = one.keys.size > 0 ? one.keys : nameKey;
    if (first === undefined) continue;
    const holder = holders
      .get(first)
      ?.find(
        (other) => others.every((key) => other.keys.has(key)) && (one.keys.size === 0 || isSame(other, one)),
      );
    if (holder) {
      if (holder.name === '') holder.name = one.name;
      same.set(one, holder);
      continue;
    }
    same.set(one, one);
    for (const key of [...one.keys, ...nameKey]) {
      const sharing = holders.get(key);
      if (sharing) sharing.push(one);
      else holders.set(key, [one]);
    }
  }
  return same;
}
