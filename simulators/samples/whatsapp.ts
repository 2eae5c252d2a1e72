import {
  callStatuses,
  contentRandom,
  isoSeconds,
  messageId,
  single,
  type Case,
  type Fate,
  type SampleItem,
  type Slot,
} from './item';
import { amr, fileOf, jpeg, mp3, png } from './media';
import { usersEmailAddress, type Mention } from './people';
import type { Random } from './random';
import { chatText, fileNames, groupNames } from './texts';
import { everybody, parties, type Parties } from './parties';

/** Archived messages of WhatsApp, which contain the fields of the chat itself. */

export interface File {
  name: string;
  contentType: string;
  content: Buffer;
}

/** The number without `+`, or `UNKNOWN`. */
export const digits = ({ number }: Mention) => number?.replace('+', '') ?? 'UNKNOWN';

const enriched = (one: Mention) => ({
  ...(one.person.givenName && Number(one.person.number) % 3 !== 0
    ? { fullName: { firstName: one.person.givenName, lastName: one.person.familyName } }
    : {}),
  value: digits(one),
});

export interface Group {
  name: string;
  id: string;
}
export const groupOf = (r: Random): Group => ({
  name: r.pick(groupNames),
  id: `${r.int(1e9)}-16${r.int(1e8)}@g.us`,
});

export const subjectOf = (what: string, { from, to }: Parties, group?: Group) =>
  `WhatsApp ${what} from ${digits(from)} to ${group ? `chat group ${group.name}` : digits(to[0]!)}`;

/** TeleMessage lists the names of at most this many members of a group. */
const listedMembers = 256;

export interface Draft {
  id: string;
  who: Parties;
  group?: Group | undefined;
  context?: string;
  subject?: string;
  text?: string | null;
  files?: File[];
  /** Replaces the time of the slot; null omits it. */
  time?: string | null;
  fields?: object;
}

function fieldsOf(slot: Slot, draft: Draft, gatewayReceivedDate: string) {
  const { id, who, group, files = [], text, time = isoSeconds(slot.sentAtMs) } = draft;
  const isOut = who.from.person.employee !== undefined;
  const owner = isOut ? who.from : (who.to.find(({ person }) => person.employee) ?? who.from);
  return {
    messageId: id,
    gatewayReceivedDate,
    sourceType: Number(owner.person.number) % 4 === 0 ? 'WHATSAPP_CLOUD_ARCHIVER' : 'WHATSAPP_ARCHIVER',
    usersEmailAddress: usersEmailAddress(everybody(who)),
    subscriberId: 4_000_000 + (Number(owner.person.number) % 1000 || 0),
    messageContext: draft.context ?? (files.length > 0 ? 'multimedia-message' : 'app-message'),
    ...(time === null ? {} : { messageTime: time }),
    direction: isOut ? 'Out' : 'In',
    from: digits(who.from),
    to: who.to.map(digits),
    fromEnriched: enriched(who.from),
    toEnriched: who.to.slice(0, listedMembers).map(enriched),
    groupMessage: group !== undefined,
    ...(group ? { dialogGroupName: group.name, dialogGroupId: group.id } : {}),
    subject: draft.subject ?? subjectOf('message', who, group),
    ...(text === undefined
      ? {}
      : { contentType: 'text/plain', textContent: text, textSize: text?.length ?? 0 }),
    attachment: files.map(({ name, contentType, content }, index) => {
      const base64 = content.toString('base64');
      // As in the real feed, sometimes the size of the file and sometimes the size of its base64.
      return {
        name,
        contentType,
        content: base64,
        attachSize: index % 2 === 0 ? content.length : base64.length,
      };
    }),
    ...draft.fields,
  };
}

/** `draft` runs when the line is served, so that no file is kept in memory until then. */
export function whatsappItem(
  slot: Slot,
  id: string,
  who: Parties,
  draft: () => Omit<Draft, 'id' | 'who'>,
  options: { fate?: Fate; tags?: string[]; bytes?: number } = {},
): SampleItem {
  const { fate = 'delivered', tags = [], bytes = 1200 } = options;
  const line = (receivedAt: string) =>
    Buffer.from(JSON.stringify(fieldsOf(slot, { id, who, ...draft() }, receivedAt)));
  return { id, mentions: everybody(who), fate, tags, bytes, line };
}

export function chat(slot: Slot, who: Parties, options: { group?: Group; tags?: string[] } = {}): SampleItem {
  return whatsappItem(
    slot,
    messageId(slot),
    who,
    () => ({ text: chatText(contentRandom(slot), who.language), group: options.group }),
    options.tags ? { tags: options.tags } : {},
  );
}

function files(slot: Slot, make: (r: Random) => File[]): SampleItem {
  const who = parties(slot.r, 1);
  const group = slot.r.chance(0.2) ? groupOf(slot.r) : undefined;
  return whatsappItem(slot, messageId(slot), who, () => {
    const r = contentRandom(slot);
    const made = make(r);
    return { files: made, text: r.chance(0.4) ? chatText(r, who.language) : '', group };
  });
}

const pictures = (r: Random): File[] => [
  r.chance(0.5)
    ? { name: 'IMG-20261120-WA0007.jpg', contentType: 'image/jpeg', content: jpeg(r) }
    : { name: 'Skärmbild.png', contentType: 'image/png', content: png(r) },
];
const voiceClip =
  (slot: Slot) =>
  (r: Random): File[] => [
    r.chance(0.5)
      ? { name: 'PTT-20261120-WA0001.amr', contentType: 'audio/amr', content: amr(slot.label, 1 + r.int(4)) }
      : { name: 'voice.mp3', contentType: 'audio/mpeg', content: mp3(slot.label, 10 + r.int(20)) },
  ];

export function call(
  slot: Slot,
  context: 'voice-call' | 'video-call' | 'call-log',
  callStatus: (typeof callStatuses)[number],
  tags: string[] = [],
): SampleItem {
  const who = parties(slot.r, 1);
  const draft = () => {
    const r = contentRandom(slot);
    const seconds = callStatus === 'Answered' ? 5 + r.int(3000) : 0;
    const kind = context === 'video-call' ? 'video call' : 'voice call';
    const what = callStatus === 'Answered' ? kind : `unanswered ${kind}`;
    const callInfo = {
      callID: `${slot.sentAtMs}${r.int(1000)}`,
      recipientNum: digits(who.to[0]!),
      callStatus,
      startTime: isoSeconds(slot.sentAtMs - seconds * 1000),
      endTime: isoSeconds(slot.sentAtMs),
    };
    return { context, subject: subjectOf(what, who), text: '', fields: { callInfo } };
  };
  return whatsappItem(slot, messageId(slot), who, draft, { tags });
}

const weighted: [number, (slot: Slot) => SampleItem][] = [
  [66, (slot) => chat(slot, parties(slot.r, 1))],
  [16, (slot) => chat(slot, parties(slot.r, 2), { group: groupOf(slot.r) })],
  [6, (slot) => files(slot, pictures)],
  [4, (slot) => files(slot, (r) => [fileOf(r.pick(fileNames), r)])],
  [3, (slot) => files(slot, voiceClip(slot))],
  [5, (slot) => call(slot, slot.r.pick(['voice-call', 'video-call']), slot.r.pick(callStatuses))],
];

/** An ordinary item: a kind by its weight, out of 100. */
export const ordinary: Case = single((slot) => {
  let rest = slot.r.int(100);
  return (weighted.find(([weight]) => (rest -= weight) < 0) ?? weighted[0]!)[1](slot);
});
