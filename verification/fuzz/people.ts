import { plainDigits } from '../../shared/participants/phone';
import { staff } from '../../simulators/samples/organisation';

/** The tenant whose mailboxes hostile items try to reach. */

export interface FuzzPerson {
  userId: string;
  upn: string;
  /** User principal name, mail and proxy addresses, lower case. */
  addresses: string[];
  /** International digits without `+`; the mapping file holds it. */
  number: string;
}

export const people: FuzzPerson[] = staff.map(({ user, number }) => ({
  userId: user.id,
  upn: user.userPrincipalName,
  addresses: [
    ...new Set(
      [user.userPrincipalName, user.mail ?? '', ...user.proxyAddresses.map((proxy) => proxy.slice(5))]
        .filter(Boolean)
        .map((address) => address.toLowerCase()),
    ),
  ],
  number,
}));

const owners = new Map<string, string>();
for (const { userId, addresses } of people) for (const address of addresses) owners.set(address, userId);

/** Answers as Exchange's directory does: by any address, in upper or lower case. */
export const findUser = (address: string): { userId: string } | undefined => {
  const userId = owners.get(address.trim().toLowerCase());
  return userId === undefined ? undefined : { userId };
};

export const mappingCsv = Buffer.from(
  ['Mobile number,Email address', ...people.map(({ number, upn }) => `+${number},${upn}`), ''].join('\n'),
);

/** Users whose address, or the digits of whose number, occurs anywhere in one of the texts. */
export function namedIn(texts: readonly string[]): Set<string> {
  const all = texts.map((text) => plainDigits(text).toLowerCase());
  // Each text by itself: the digits of two adjacent fields must not add up to somebody's number.
  const digits = all.map((text) => text.replace(/\D/g, ''));
  return new Set(
    people
      .filter(
        ({ addresses, number }) =>
          all.some((text) => addresses.some((address) => text.includes(address))) ||
          digits.some((text) => text.includes(number)),
      )
      .map(({ userId }) => userId),
  );
}
