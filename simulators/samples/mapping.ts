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

/** The custom mapping of the sample organisation, and who it makes of a mention. */

interface Row {
  person: Person;
  national: boolean;
  address: string;
  /** Days, `YYYY-MM-DD`. */
  validFrom?: string;
  validTo?: string;
}

const heading = ['Mobile number', 'Mailbox', 'Valid from', 'Valid to'];

/** The country whose national numbers the sample files hold; the setting must name it. */
export const mappingCountry: Country = 'CN';

/** Whose number was re-assigned at the turn of 2019: the successor has it now. */
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
    // The desk's phone belongs to a shared mailbox.
    { person: shared, national: false, address: addressesOf(shared)[0]! },
    // Neither names a valid user: the e-mail address of the participant decides.
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

/** The file as an administrator would upload it: comma and LF for one connector, `;`, CRLF and BOM for the other. */
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

/** How an enabled connector maps. The default is automatic mapping alone. */
export interface MappingMode {
  automatic?: boolean;
  /** The sample file of the connector is in force. */
  custom?: boolean;
  /** Country of national numbers. */
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

/** The user in whose mailbox the mention must end, by rule R7: the file, then the address, else nobody. */
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
