import { exceptions, staff, type Country, type Employee, type Language } from './organisation';
import type { Random } from './random';

/** The people in the sample communications, and how the source writes their numbers and addresses. */

export interface Person {
  givenName: string;
  familyName: string;
  nativeName: string;
  language: Language;
  country: Country;
  /** International digits without `+`. */
  number: string;
  employee?: Employee;
}

const asPerson = (employee: Employee): Person => ({ ...employee, employee });

export const colleagues: Person[] = staff.map(asPerson);
export const colleaguesIn = (...languages: Language[]) =>
  colleagues.filter(({ language }) => languages.includes(language));
export const [shared, guest, unlicensed, notSupported, onPremises, nearlyFull, outOfScope, upnOnly] = (
  [
    'shared',
    'guest',
    'unlicensed',
    'notSupported',
    'onPremises',
    'nearlyFull',
    'outOfScope',
    'upnOnly',
  ] as const
).map((key) => asPerson(exceptions[key])) as [Person, Person, Person, Person, Person, Person, Person, Person];

const external = (country: Country, language: Language, number: string, ...names: string[]): Person => ({
  givenName: names[0] ?? '',
  familyName: names[1] ?? '',
  nativeName: names[2] ?? names.slice(0, 2).join(' '),
  language,
  country,
  number,
});

/** Customers, carriers, friends: people who are not in the directory. */
export const outsiders: Person[] = [
  external('CN', 'zh', '8613700007001', 'Xin', 'Zheng', '郑鑫'),
  external('CN', 'zh', '8613700007002', 'Bo', 'Liang', '梁博'),
  external('CN', 'zh', '8613700007003', 'Qiang', 'Song', '宋强'),
  external('CN', 'zh', '8613700007004', 'Yan', 'Tang', '唐燕'),
  external('HK', 'zhHant', '85291237005', 'Tsz Yan', 'Leung', '梁子欣'),
  external('TW', 'zhHant', '886912347006', 'Chun-Chieh', 'Wu', '吳俊傑'),
  external('KR', 'ko', '821020007007', 'Eun-ji', 'Han', '한은지'),
  external('KR', 'ko', '821020007008', 'Sang-hoon', 'Oh', '오상훈'),
  external('KR', 'ko', '821020007009', 'Mi-kyung', 'Seo', '서미경'),
  external('JP', 'ja', '819012347010', 'Ren', 'Suzuki', '鈴木蓮'),
  external('SE', 'sv', '46701740671', 'Håkan', 'Fält'),
  external('SE', 'sv', '46701740672', 'Linnéa', 'Åkesson'),
  external('SE', 'sv', '46701740673', 'Jörgen', 'Mörk'),
  external('FR', 'fr', '33612345074', 'Zoé', 'Lacroix'),
  external('FR', 'fr', '33612345075', 'Loïc', 'Hébert'),
  external('GB', 'en', '447400127076', 'Noah', 'Price'),
  external('US', 'en', '12015550177', 'Ava', 'Brooks'),
];
export const outsidersIn = (...languages: Language[]) =>
  outsiders.filter(({ language }) => languages.includes(language));

/** Members of a very large group chat. */
export const crowd = (count: number): Person[] =>
  Array.from({ length: count }, (_, index) =>
    external('CN', 'zh', String(8613600000000 + index), 'Member', String(index + 1), `群友${index + 1}`),
  );

/** A person as an item writes them: with the number, the address, both or neither. */
export interface Mention {
  person: Person;
  /** As written: in the national form if `national` is set, else in the international form. */
  number?: string;
  national?: boolean;
  email?: string;
}

const trunkPrefixes: Record<Country, [code: string, trunk: string]> = {
  CN: ['86', ''],
  HK: ['852', ''],
  TW: ['886', '0'],
  KR: ['82', '0'],
  JP: ['81', '0'],
  SE: ['46', '0'],
  FR: ['33', '0'],
  GB: ['44', '0'],
  US: ['1', ''],
};

/** The number as people dial it in their own country, digits only. */
export function nationalNumber({ country, number }: Pick<Person, 'country' | 'number'>): string {
  const [code, trunk] = trunkPrefixes[country];
  return trunk + number.slice(code.length);
}

/** Every address that the directory has for the person, the primary one first. */
export function addressesOf({ employee }: Person): string[] {
  if (!employee) return [];
  const { mail, userPrincipalName, proxyAddresses } = employee.user;
  const aliases = proxyAddresses.filter((entry) => entry.startsWith('smtp:')).map((entry) => entry.slice(5));
  return [...(mail === null ? [] : [mail]), userPrincipalName, ...aliases];
}

/** The person with the number, address and spelling that the source happens to know. */
export function mention(person: Person, r: Random): Mention {
  const { number } = person;
  if (!person.employee) {
    // The source knows the e-mail address of few outsiders, and it is never an address of the tenant.
    const known = r.chance(0.2) ? { email: `contact.${number.slice(-4)}@customer.example` } : {};
    return { person, number, ...known };
  }
  const addresses = addressesOf(person);
  const email = r.chance(0.7) ? addresses[0]! : r.pick(addresses);
  const written = r.chance(0.1) ? email.toUpperCase() : email;
  if (r.chance(0.05)) return { person, email: written };
  if (r.chance(0.06)) return { person, number: nationalNumber(person), national: true, email: written };
  return { person, number: r.chance(0.1) ? `+${number}` : number, email: written };
}

export const mentions = (people: readonly Person[], r: Random): Mention[] =>
  people.map((person) => mention(person, r));

/** The *User's Email address* property. */
export const usersEmailAddress = (list: readonly Mention[]) =>
  list.map(({ person, number, email }) => ({
    ...(number === undefined ? {} : { mobileNumber: number }),
    ...(email === undefined ? {} : { emailAddress: email }),
    ...(person.givenName ? { firstName: person.givenName } : {}),
    ...(person.familyName ? { lastName: person.familyName } : {}),
  }));
