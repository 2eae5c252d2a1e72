import { exceptions, type Language } from './organisation';
import {
  addressesOf,
  colleagues,
  colleaguesIn,
  guest,
  mention,
  mentions,
  nationalNumber,
  nearlyFull,
  notSupported,
  onPremises,
  outOfScope,
  outsiders,
  outsidersIn,
  shared,
  unlicensed,
  upnOnly,
  type Mention,
  type Person,
} from './people';
import type { Random } from './random';

/** The sender and the recipients of an item. */

export interface Parties {
  from: Mention;
  to: Mention[];
  language: Language;
}

/** More entries make a language more frequent. */
const languages: Language[] = [
  'zh',
  'zh',
  'zh',
  'zh',
  'zhHant',
  'ko',
  'ko',
  'ja',
  'sv',
  'sv',
  'fr',
  'en',
  'en',
];

/** An employee and `others`, of whom about four in five are colleagues. */
export function parties(r: Random, others: number, language: Language = r.pick(languages)): Parties {
  const near: Language[] = [language, 'en'];
  const owner = r.pick(colleaguesIn(language));
  const inside = colleaguesIn(...near).filter((person) => person !== owner);
  const outside = outsidersIn(...near);
  const insiders = Array.from({ length: others }, () => r.chance(0.8)).filter(Boolean).length;
  const rest = [...r.some(inside, insiders), ...r.some(outside, others - insiders)];
  const all = mentions([owner, ...rest], r);
  const speaker = r.chance(0.5) ? 0 : r.int(all.length);
  return { from: all[speaker]!, to: all.filter((_, index) => index !== speaker), language };
}

export const everybody = ({ from, to }: Parties) => [from, ...to];

/** A party that the source does not know. */
const unknown: Mention = {
  person: { givenName: '', familyName: '', nativeName: '', language: 'en', country: 'US', number: 'UNKNOWN' },
};

const byMail = (person: Person): Mention => ({
  person,
  number: person.number,
  email: addressesOf(person)[0]!,
});
const byNumber = (person: Person): Mention => ({ person, number: person.number });
const byNationalNumber = (person: Person): Mention => ({
  person,
  number: nationalNumber(person),
  national: true,
});

const inChina = colleagues.find(({ country }) => country === 'CN')!;
const inSweden = colleagues.find(({ country }) => country === 'SE')!;
const aliased = colleagues.find((person) => addressesOf(person).length > 2)!;
const renamed = colleagues.find(({ employee }) => employee!.user.userPrincipalName !== employee!.user.mail)!;

interface Draw {
  one: Person;
  other: Person;
  outsider: Mention;
  second: Mention;
}

const cases: [tag: string, make: (draw: Draw) => Mention[]][] = [
  ['externalOnly', ({ outsider, second }) => [outsider, second]],
  ['externalOnly', ({ outsider, second }) => [second, outsider]],
  ['unknownParty', ({ one }) => [unknown, byMail(one)]],
  ['unknownParty', ({ one }) => [byMail(one), unknown]],
  ['unknownOnly', ({ outsider }) => [unknown, outsider]],
  ['numberOnly', ({ one, outsider }) => [byNumber(one), outsider]],
  ['numberOnly', ({ one, other }) => [byNumber(other), byMail(one)]],
  ['nationalNumber', ({ outsider }) => [byNationalNumber(inChina), outsider]],
  ['nationalNumber', ({ outsider }) => [outsider, byNationalNumber(inSweden)]],
  ['addressOnly', ({ one, outsider }) => [{ person: one, email: addressesOf(one)[0]! }, outsider]],
  [
    'principalName',
    ({ outsider }) => [outsider, { person: renamed, email: renamed.employee!.user.userPrincipalName }],
  ],
  [
    'alias',
    ({ outsider }) => [
      { person: aliased, number: aliased.number, email: addressesOf(aliased)[2]!.toUpperCase() },
      outsider,
    ],
  ],
  // The same employee under two of their addresses: one mailbox, one item.
  ['samePersonTwice', () => [byMail(aliased), { person: aliased, email: addressesOf(aliased)[2]! }]],
  ['sharedMailbox', ({ outsider }) => [outsider, byMail(shared)]],
  ['guest', ({ one }) => [byMail(guest), byMail(one)]],
  ['noMailbox', ({ outsider }) => [byMail(guest), outsider]],
  ['noMailbox', ({ outsider }) => [byMail(unlicensed), outsider]],
  ['noMailbox', ({ outsider }) => [outsider, byMail(notSupported)]],
  ['noMailbox', () => [byMail(onPremises), byMail(unlicensed)]],
  [
    'principalNameOnly',
    ({ outsider }) => [{ person: upnOnly, email: exceptions.upnOnly.user.userPrincipalName }, outsider],
  ],
  ['outOfScope', ({ outsider }) => [byMail(outOfScope), outsider]],
  ['outOfScope', ({ one }) => [byMail(outOfScope), byMail(one)]],
  ['nearlyFull', ({ outsider }) => [byMail(nearlyFull), outsider]],
];

/** Parties with an unusual mapping, the sender first, each with its tag. Both connectors have an item of each. */
export const unusualParties: [tag: string, make: (r: Random) => Mention[]][] = cases.map(([tag, make]) => [
  tag,
  (r) => {
    const [one, other] = r.some(colleagues, 2);
    const [outsider, second] = r.some(outsiders, 2).map((person) => mention(person, r));
    return make({ one: one!, other: other!, outsider: outsider!, second: second! });
  },
]);
