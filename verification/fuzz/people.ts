import { staff } from '../../simulators/samples/organisation';

/** The tenant that hostile items aim at: who may get an item, and who stands in it only as a bait. */

export interface FuzzPerson {
  userId: string;
  upn: string;
  /** User principal name, mail and proxy addresses, lower case. */
  addresses: string[];
  /** Full international digits without `+`; the mapping file names it. */
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

/** The directory as Exchange would answer: by any address, in any case of letters. */
export const findUser = (address: string): { userId: string } | undefined => {
  const userId = owners.get(address.trim().toLowerCase());
  return userId === undefined ? undefined : { userId };
};

export const mappingCsv = Buffer.from(
  ['Mobile number,Email address', ...people.map(({ number, upn }) => `+${number},${upn}`), ''].join('\n'),
);

/** Users of whom an address, or the digits of the number, stands anywhere in one of the texts. */
export function namedIn(texts: readonly string[]): Set<string> {
  const all = texts.map((text) => text.normalize('NFKC').toLowerCase());
  // Each text for itself: digits of two fields side by side are nobody's number.
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
