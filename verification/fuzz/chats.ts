import type { Random } from '../../simulators/samples/random';
import { odd, type Json } from './mutate';
import { people, type FuzzPerson } from './people';

/** Generated WhatsApp lines of which it is known who takes part and who is only named in the content. */

/** A line, and what is known of it. */
export interface Known {
  line: Buffer;
  /** Users whose mailboxes may get the item. */
  may: Set<string>;
  /** Users whose mailboxes must get it, if it is imported at all. */
  must: Set<string>;
}

/** Ways to write an address in a field that should hold nothing else; `bait` must not be taken from any of them. */
export const addressForms: ((own: string, bait: string) => string)[] = [
  (own) => own,
  (own) => ` ${own.toUpperCase()} `,
  (own) => `mailto:${own}`,
  (own) => `Name <${own}>`,
  (own, bait) => `"${bait}" <${own}>`,
  (own, bait) => `${bait.replace('@', ' at ')} <${own}>`,
];

const numberForms: ((digits: string) => string)[] = [
  (digits) => digits,
  (digits) => `+${digits}`,
  (digits) => `00${digits}`,
  (digits) => `+${digits.slice(0, 2)} ${digits.slice(2, 5)}-${digits.slice(5)}`,
];

const baitTexts: ((bait: FuzzPerson) => string)[] = [
  ({ upn }) => `write to ${upn}`,
  ({ upn, number }) => `To: "x" <${upn}>\r\nCc: +${number} <${upn}>`,
  ({ number }) => `call +${number} now`,
  ({ upn }) => `"${upn}"@evil.example`,
  ({ upn }) => `<mailto:${upn}>`,
];

/** Text of a chat partner who would like the item to reach somebody else's mailbox. */
export const baitText = (r: Random, baits: readonly FuzzPerson[]): string =>
  Array.from({ length: r.int(3) + 1 }, () => r.pick(baitTexts)(r.pick(baits))).join(
    r.pick(['\n', ' ', '; ']),
  );

export function cast(r: Random): { parties: FuzzPerson[]; baits: FuzzPerson[] } {
  const all = r.some(people, 9);
  const count = r.int(4);
  return { parties: all.slice(0, count), baits: all.slice(5) };
}

export function usersOf(r: Random, parties: readonly FuzzPerson[], baits: readonly FuzzPerson[]) {
  const bait = () => r.pick(baits).upn;
  return parties.map(({ addresses, number }) => {
    const withAddress = r.chance(0.7);
    return {
      ...(withAddress ? { emailAddress: r.pick(addressForms)(r.pick(addresses), bait()) } : {}),
      ...(!withAddress || r.chance(0.6) ? { mobileNumber: r.pick(numberForms)(number) } : {}),
      ...(r.chance(0.5)
        ? { firstName: r.chance(0.3) ? bait() : 'Anna', lastName: r.chance(0.3) ? `<${bait()}>` : 'Å' }
        : {}),
    };
  });
}

const contexts = ['app-message', 'multimedia-message', 'voice-call', 'video-call', 'call-log', 'unheard-of'];
const acts = ['', '', '', 'DELETE_FOR_ME-', 'DELETE_FOR_ALL-', 'EDIT-', 'RECALL-', 'DELETE_FOR_ALL-EDIT-'];

/** More people than any row, body or recipient list has room for. */
const strangers = Array.from({ length: 3000 }, (_, at) => ({
  emailAddress: `stranger-${at}@outside.example`,
  firstName: 'Ö'.repeat(200),
}));

export function knownChat(r: Random): Known {
  const { parties, baits } = cast(r);
  const text = () => baitText(r, baits);
  const users = usersOf(r, parties, baits);
  const inFields = parties.filter(() => r.chance(0.5));
  const [from, ...to] = inFields.map(({ number }) => number);
  const members = r.chance(0.02) ? Array.from({ length: 700 }, (_, at) => String(12015559000 + at)) : [];
  const attachment = Array.from({ length: r.chance(0.3) ? r.int(4) : 0 }, () => ({
    name: r.pick([text(), '../../etc/passwd', 'C:\\x\\y.docx', '', '.', '\u202egpj.exe', `${text()}.pdf`]),
    contentType: r.pick(['image/png', 'text/plain', '', 'x', 'text/html; charset="x"']),
    content: Buffer.from(r.chance(0.02) ? 'x'.repeat(1_100_000) : text()).toString('base64'),
    attachSize: r.pick([1, -1, '99', 1e12]),
  }));
  const line = {
    messageId: `${r.pick(acts)}${1_700_000_000_000 + r.int(1e9)}_${r.int(1e9)}${r.chance(0.05) ? text() : ''}${r.chance(0.003) ? '9'.repeat(600_000) : ''}`,
    gatewayReceivedDate: '2026-11-20T08:00:05Z',
    sourceType: r.pick(['WHATSAPP_ARCHIVER', 'WHATSAPP_CLOUD_ARCHIVER']),
    usersEmailAddress: r.chance(0.003) ? [...users, ...strangers] : users,
    messageContext: r.pick(contexts),
    messageTime: r.pick([
      '2026-11-20T08:00:00Z',
      '2026-02-30T00:00:00Z',
      '0',
      '1969-01-01T00:00:00Z',
      '',
      '3609-01-01T00:00:00Z',
    ]),
    direction: r.pick(['In', 'Out', 'Sideways']),
    from: from ?? 'UNKNOWN',
    to: to.length + members.length > 0 ? [...to, ...members] : ['UNKNOWN'],
    fromEnriched: { fullName: { firstName: text(), lastName: text() }, value: from ?? '' },
    toEnriched: to.map((value) => ({ fullName: { firstName: text() }, value })),
    groupMessage: r.chance(0.3),
    dialogGroupName: text(),
    dialogGroupId: r.chance(0.5) ? text() : '',
    subject: text(),
    textContent: r.chance(0.01) ? text().repeat(40_000) : text(),
    ...(attachment.length > 0 ? { attachment } : {}),
    ...(r.chance(0.2)
      ? { callInfo: { callID: text(), callStatus: r.pick(['Answered', text()]), startTime: text() } }
      : {}),
    ...(r.chance(0.1) ? { [r.pick(['to_', 'cc', 'email', 'x'])]: odd(r) } : {}),
  } satisfies { [key: string]: Json | undefined };
  const named = new Set(parties.map(({ userId }) => userId));
  return { line: Buffer.from(JSON.stringify(line)), may: named, must: named };
}
