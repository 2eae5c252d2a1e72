import type { Email, Party } from '../email/email';
import type { SourceMessage } from '../telemessage/message';
import { addressesIn, isAddress } from './address';
import type { Numbers } from './phone';

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
  keys: Set<string>;
}

/**
 * The participants of an item: every entry of the *User's Email address* property, then every party of the message
 * except blind copies. TeleMessage names the same person in both places, often with more details in one of them. A
 * party whose numbers and addresses all belong to another party is that person; two parties that share a number but
 * not the address are two participants. People choose display names, so a number in one never identifies a party
 * (docs/mapping.md).
 */
export function participants(message: SourceMessage, email: Email, numbers: Numbers): Participant[] {
  const users = message.usersEmailAddress.map((user) => {
    const name = [user.firstName, user.lastName].filter(Boolean).join(' ').trim();
    const written = user.emailAddress?.trim() ?? '';
    return candidate(name, split(user.mobileNumber), addressesIn(written), written, numbers);
  });
  const parties = [...(email.from ? [email.from] : []), ...email.to, ...email.cc];
  takeNumbersInNames(users, parties, numbers);
  return withoutSubsumed([...users, ...parties.map((party) => ofParty(party, numbers))]).map(
    ({ keys: _keys, ...participant }) => participant,
  );
}

/** TeleMessage's usual form of a party is `First Last Mobile <address>`. */
function takeNumbersInNames(users: readonly Candidate[], parties: readonly Party[], numbers: Numbers): void {
  const byAddress = new Map<string, Candidate[]>();
  for (const user of users)
    for (const address of user.addresses) {
      const key = address.toLowerCase();
      const sharing = byAddress.get(key);
      if (sharing) sharing.push(user);
      else byAddress.set(key, [user]);
    }
  const digits = (text: string) => text.normalize('NFKC').replace(/\D/g, '');
  for (const { name, address, number, numberInName } of parties) {
    if (!numberInName || number === undefined || digits(name) !== digits(number)) continue;
    const known = byAddress.get(address?.trim().toLowerCase() ?? '') ?? [];
    const found = numbers(number);
    const statesNone = known.every(({ keys, addresses }) => keys.size === addresses.length);
    if (known[0] && found !== undefined && statesNone) known[0].numberInName ??= found;
  }
}

function ofParty(party: Party, numbers: Numbers): Candidate {
  const written = party.address?.trim() ?? '';
  return candidate(
    party.name.trim(),
    party.numberInName ? [] : split(party.number),
    isAddress(written) ? [written] : [],
    written,
    numbers,
  );
}

function candidate(
  name: string,
  writtenNumbers: string[],
  writtenAddresses: string[],
  writtenAddress: string,
  numbers: Numbers,
): Candidate {
  const read = writtenNumbers.map((written) => ({ written, number: numbers(written) }));
  const found = new Set(read.flatMap(({ number }) => number ?? []));
  const addresses = new Map(
    writtenAddresses.filter(isReal).map((address) => [address.toLowerCase(), address]),
  );
  const unread = read.filter(({ number }) => number === undefined).map(({ written }) => `unread ${written}`);
  const shown = isReal(writtenAddress) && writtenAddress !== '' ? `<${writtenAddress}>` : '';
  return {
    name,
    numbers: [...found],
    addresses: [...addresses.values()],
    asWritten: [name, ...writtenNumbers, shown].filter(Boolean).join(' '),
    keys: new Set([...found, ...addresses.keys(), ...unread]),
  };
}

/** RFC 6761 reserves `.invalid` for names that never exist: such an address only fills a header. */
function isReal(address: string): boolean {
  return !/\.invalid$/i.test(address);
}

function split(text: string | undefined): string[] {
  return (text ?? '')
    .split(/[;,]/)
    .map((one) => one.trim())
    .filter(Boolean);
}

/**
 * Drops every candidate whose keys another candidate also has; of equals, the first stays. A candidate with nothing
 * but a name is dropped if another one has that name. Groups have hundreds of members, so only candidates that share
 * a key are compared.
 */
function withoutSubsumed(candidates: Candidate[]): Candidate[] {
  const holders = new Map<string, Candidate[]>();
  const kept = new Set<Candidate>();
  // Most keys first, so that a candidate comes before those that it makes redundant. The sort is stable.
  for (const one of candidates.toSorted((a, b) => b.keys.size - a.keys.size)) {
    const nameKey = one.name ? [`named ${one.name.toLowerCase()}`] : [];
    const [first, ...others] = one.keys.size > 0 ? one.keys : nameKey;
    if (first === undefined) continue;
    const holder = holders.get(first)?.find(({ keys }) => others.every((key) => keys.has(key)));
    if (holder) {
      if (holder.name === '') holder.name = one.name;
      continue;
    }
    kept.add(one);
    for (const key of [...one.keys, ...nameKey]) {
      const sharing = holders.get(key);
      if (sharing) sharing.push(one);
      else holders.set(key, [one]);
    }
  }
  return candidates.filter((one) => kept.has(one));
}
