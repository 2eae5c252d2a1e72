import { zipSync } from 'fflate';
import { connectors, networkOf } from '../shared/connectors';
import { bytesOf } from '../shared/email/content';
import { partiesIn, type Party } from '../shared/email/email';
import { version } from '../shared/version';
import { mailBytes, type Communication } from './eml';

/**
 * Relativity Short Message Format 2.0, which eDiscovery tools read: a mail with the header X-RSMF-Version and one
 * attachment rsmf.zip, with rsmf_manifest.json and the files of the messages in it. One file per conversation and day.
 */

interface RsmfParticipant {
  id: string;
  display: string;
  email?: string;
  account_id?: string;
}
interface RsmfEvent {
  id: string;
  type: 'message' | 'unknown';
  participant: string;
  conversation: string;
  timestamp: string;
  body: string;
  deleted?: boolean;
  attachments?: { id: string; display: string; size: number }[];
  custom: { name: string; value: string }[];
}

/** The items of one conversation and one day, in any order, as one file. */
export async function conversationAsRsmf(
  items: readonly Communication[],
  { conversation, day }: { conversation: string; day: string },
): Promise<Buffer> {
  const sorted = items.toSorted((a, b) => (sentAt(a) < sentAt(b) ? -1 : 1));
  const [first] = sorted;
  if (!first) throw new Error('A conversation without items has no file');
  const participants = new Map<string, RsmfParticipant>();
  const files: Record<string, Uint8Array> = {};
  const events: RsmfEvent[] = [];
  for (const [index, item] of sorted.entries())
    events.push(await eventOf(item, { index, conversation, participants, files }));
  const connector = connectors[first.provenance.connector];
  const platform = networkOf(connector, first.email.facts.source);
  const { group } = first.email.facts;
  const manifest = {
    version: '2.0.0',
    eventcollectionid: conversation,
    participants: [...participants.values()],
    conversations: [
      {
        id: conversation,
        platform: platform.toLowerCase(),
        type: group || participants.size > 2 ? 'channel' : 'direct',
        display: first.email.conversation.topic || group?.name || conversation,
        participants: [...participants.keys()],
      },
    ],
    events,
  };
  files['rsmf_manifest.json'] = Buffer.from(JSON.stringify(manifest, undefined, 2));
  const [begin, end] = [sentAt(first), sentAt(sorted.at(-1)!)];
  const names = [...participants.values()].map(({ display }) => display);
  const from = [...participants.values()][0]!;
  return mailBytes({
    headers: {
      'X-RSMF-Version': '2.0.0',
      'X-RSMF-Generator': `telemessage-archiver ${version}`,
      'X-RSMF-BeginDate': begin,
      'X-RSMF-EndDate': end,
      'X-RSMF-EventCount': String(events.length),
      'X-RSMF-Application': platform,
      'X-RSMF-Participants': names.join(', '),
      'X-RSMF-AttachmentCount': String(Object.keys(files).length - 1),
      'X-RSMF-EventCollectionID': conversation,
    },
    from: { name: from.display, address: from.email ?? 'unknown@invalid' },
    to: [],
    subject: `${platform}: ${manifest.conversations[0]!.display}, ${day}`,
    date: new Date(begin),
    text: events
      .map(
        ({ timestamp, participant, body }) =>
          `${timestamp} ${participants.get(participant)!.display}: ${body}`,
      )
      .join('\n'),
    files: [{ filename: 'rsmf.zip', content: Buffer.from(zipSync(files)), contentType: 'application/zip' }],
  });
}

const sentAt = ({ email, provenance }: Communication) =>
  new Date(email.sentAt ?? provenance.receivedAt).toISOString();

interface Collected {
  index: number;
  conversation: string;
  participants: Map<string, RsmfParticipant>;
  files: Record<string, Uint8Array>;
}

async function eventOf(
  item: Communication,
  { index, conversation, participants, files }: Collected,
): Promise<RsmfEvent> {
  const { email, provenance, itemKey } = item;
  for (const party of partiesIn(email)) participantOf(party, participants);
  const attachments: NonNullable<RsmfEvent['attachments']> = [];
  for (const [at, { name, content }] of email.attachments.entries()) {
    // Names come from strangers: inside the archive, files have numbers.
    const id = `${index + 1}-${at + 1}${/\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0] ?? ''}`;
    files[id] = await bytesOf(content);
    attachments.push({ id, display: name, size: content.length });
  }
  const isDeleted = email.action !== undefined && /recall|delete/i.test(email.action.kind);
  return {
    id: `${provenance.connector}-${provenance.batch}-${provenance.position}`,
    type: email.facts.call ? 'unknown' : 'message',
    participant: participantOf(email.from ?? { name: '' }, participants),
    conversation,
    timestamp: sentAt(item),
    body:
      email.body.type === 'text' ? email.body.content : email.body.content.replace(/<[^>]*>/g, ' ').trim(),
    ...(isDeleted ? { deleted: true } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    custom: [
      { name: 'Source id', value: provenance.sourceId },
      { name: 'SHA-256 of the raw item', value: provenance.sha256 },
      { name: 'Item key', value: itemKey },
      { name: 'Received by TeleMessage', value: provenance.receivedAt },
      ...(email.subject ? [{ name: 'Subject', value: email.subject }] : []),
      ...(email.facts.call
        ? [{ name: 'Call', value: `${email.facts.call.kind} ${email.facts.call.status}`.trim() }]
        : []),
      ...(email.action ? [{ name: 'Act', value: email.action.kind }] : []),
    ],
  };
}

/** Gives the id of the party, and adds it if it is new. */
function participantOf({ name, address, e164, number }: Party, all: Map<string, RsmfParticipant>): string {
  const id = (address || e164 || number || name || 'unknown').toLowerCase();
  const account = e164 ?? number;
  if (!all.has(id))
    all.set(id, {
      id,
      display: name || address || account || 'unknown',
      ...(address ? { email: address } : {}),
      ...(account ? { account_id: account } : {}),
    });
  return id;
}
