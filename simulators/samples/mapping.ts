import type { ConnectorId } from '../../shared/connectors';
import { organisation, type Country, type TenantUser } from './organisation';
import {
  addressesOf,
  colleagues,
  nationalNumber,
  shared,
  unlicensed,
  type Mention,
  type Person,
} from './people';

/** The mapping file of the sample organisation, and the user to whom it maps a mention. */

interface Row {
  person: Person;
  national: boolean;
  address: string;
  /** A day, `YYYY-MM-DD`. */
  validFrom?: string;
  validTo?: string;
}

const heading = ['Mobile number', 'Mailbox', 'Valid from', 'Valid to'];

/** The country of the national numbers in the file. The app's setting must name it. */
export const mappingCountry: Country = 'CN';

/** The number of `former` went to `successor` at the end of 2019. */
const reassigned = { former: colleagues[3]!, successor: colleagues[1]! };

function rowsOf(): Row[] {
  const ordinary: Row[] = colleagues
    .filter((person, index) => person !== reassigned.successor && index % 5 !== 4)
    .map((person, index) => ({
      person,
      national: person.country === mappingCountry && index % 3 === 0,
      address: addressesOf(person)[index % 2] ?? person.employee!.user.userPrincipalName,
    }));
  const number = reassigned.successor;
  return [
    ...ordinary,
    { person: number, national: false, address: addressesOf(reassigned.former)[0]!, validTo: '2019-12-31' },
    { person: number, national: false, address: addressesOf(number)[0]!, validFrom: '2020-01-15' },
    // The phone of the trading desk belongs to a shared mailbox.
    { person: shared, national: false, address: addressesOf(shared)[0]! },
    // Neither address belongs to a user with a mailbox, so the participant's e-mail address decides.
    { person: unlicensed, national: false, address: addressesOf(unlicensed)[0]! },
    { person: colleagues[9]!, national: false, address: 'left.the.company@nordlink.example' },
  ].filter((row, index, all) => all.findLastIndex((other) => sameKey(other, row)) === index);
}

const sameKey = (one: Row, other: Row) =>
  one.person === other.person && one.validFrom === other.validFrom && one.validTo === other.validTo;

const rows = rowsOf();

function written({ person, national }: Row, index: number): string {
  if (national) return nationalNumber(person).replace(/^(\d{3})(\d+)(\d{4})$/, '$1-$2 $3');
  return index % 2 === 0 ? `+${person.number}` : person.number;
}

/** The file that an administrator uploads: with `,` and LF for one connector; with `;`, CRLF and a BOM for the other. */
export function mappingCsv(connector: ConnectorId): string {
  const [separator, end, start] = connector === 'wechat' ? [',', '\n', ''] : [';', '\r\n', '\ufeff'];
  const quoted = (value: string, index: number) => (index % 7 === 0 ? `"${value}"` : value);
  const lines = rows.map((row, index) =>
    [
      quoted(written(row, index), index),
      quoted(row.address, index),
      row.validFrom ?? '',
      row.validTo ?? '',
    ].join(separator),
  );
  return start + [heading.join(separator), ...lines, ''].join(end);
}

/** How a connector maps. By default it maps by e-mail address only. */
export interface MappingMode {
  automatic?: boolean;
  /** The connector's sample file is uploaded. */
  custom?: boolean;
  /** The country of national numbers. */
  country?: Country;
}

const byAddress = new Map<string, TenantUser>(
  organisation.flatMap((user) => {
    const proxies = user.proxyAddresses.map((entry) => entry.replace(/^smtp:/i, ''));
    const all = [user.userPrincipalName, ...(user.mail === null ? [] : [user.mail]), ...proxies];
    return all.map((address) => [address.toLowerCase(), user] as const);
  }),
);

const withMailbox = (address: string) => {
  const user = byAddress.get(address.toLowerCase());
  return user?.mailbox === 'normal' ? user : undefined;
};

/** The user whose mailbox must get the item, by the file, else by the address; undefined if neither has one. */
export function mailboxOf(
  { person, number, national, email }: Mention,
  atMs: number,
  mode: MappingMode,
): TenantUser | undefined {
  const day = new Date(atMs).toISOString().slice(0, 10);
  const isReadable = (inNationalForm: boolean) => !inNationalForm || mode.country === person.country;
  const isRead = mode.custom === true && number !== undefined && isReadable(national === true);
  const row = !isRead
    ? undefined
    : rows.find(
        (one) =>
          one.person.number === person.number &&
          isReadable(one.national) &&
          (one.validFrom ?? day) <= day &&
          day <= (one.validTo ?? day),
      );
  const mapped = row && withMailbox(row.address);
  return mapped ?? (mode.automatic === false || email === undefined ? undefined : withMailbox(email));
}
