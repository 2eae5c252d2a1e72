import { exceptions } from './organisation';
import {
  addressesOf,
  colleagues,
  guest,
  mention,
  nationalNumber,
  nearlyFull,
  notSupported,
  onPremises,
  outOfScope,
  outsiders,
  shared,
  unlicensed,
  upnOnly,
  type Mention,
  type Person,
} from './people';
import type { Random } from './random';

/** Parties whose mapping is out of the ordinary; both connectors have an item of each. */

/** A party whom the source cannot name at all. */
export const unknown: Mention = {
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
  // The same employee under two of her addresses: one mailbox, one item.
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

/** Each entry: what it shows, and its parties, the sender first. */
export const unusualParties: [tag: string, make: (r: Random) => Mention[]][] = cases.map(([tag, make]) => [
  tag,
  (r) => {
    const [one, other] = r.some(colleagues, 2);
    const [outsider, second] = r.some(outsiders, 2).map((person) => mention(person, r));
    return make({ one: one!, other: other!, outsider: outsider!, second: second! });
  },
]);
