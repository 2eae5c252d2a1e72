import { partiesIn, type Email } from '../email/email';
import { readSourceSubject } from '../email/source-subject';
import type { TeleMessageHeaders } from './telemessage-headers';

/** Words that TeleMessage and mail programs put before the subject of a later mail in the same conversation. */
const prefixes =
  /^\s*(?:\[?(?:recall(?:ed)?|revoked?|deleted|deletion|edit(?:ed)?|撤回|已撤回|회수|återkallat|rappel|rappelé)\]?(?:\s+for\s+(?:all|me|everyone))?(?:\s+(?:read|unread|unknown))?\s*[:：-]?(?:\s+|$)|(?:re|fwd?|aw|sv|vs|rv|tr|答复|回复|转发|회신|전달)\s*[:：]\s*)/i;

function withoutPrefixes(subject: string): string {
  let rest = subject;
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest.replace(prefixes, '');
  }
  return rest.trim();
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The conversation GUID of a Thread-Index header ([MS-OXOMSG] section 2.2.1.3), hex. */
function threadGuid(index: string | undefined): string | undefined {
  const bytes = Buffer.from(index ?? '', 'base64');
  return bytes.length >= 22 ? bytes.toString('hex', 6, 22) : undefined;
}

/**
 * Root of a References chain that identifies the whole conversation. A mail with In-Reply-To has an ordinary reply's
 * chain instead: the first mail of its thread has no References, so only the parties give that mail, its answers and
 * its recall one key.
 */
function chainRoot(references: string[], answered: string[]): string | undefined {
  const root = references[0];
  return root && answered.length === 0 ? root : undefined;
}

interface ConversationSource {
  email: Pick<Email, 'from' | 'to' | 'cc' | 'subject' | 'action'>;
  /** Ids of the References header alone. */
  references: string[];
  /** Ids of In-Reply-To. */
  answered: string[];
  threadIndex: string | undefined;
  threadTopic: string | undefined;
  headers: TeleMessageHeaders;
  network: string;
}

/**
 * The conversation that a mail belongs to. Both directions of a chat have one key, and so do a message and its recall,
 * deletion or edit: TeleMessage's id of the group or thread, else the GUID of Thread-Index, else the root of References, else the people together with the group that
 * the subject names. `topic` is the name that people know it by, without prefixes and direction.
 */
export function conversationOf(source: ConversationSource): Email['conversation'] {
  const { email, headers, network } = source;
  const subject = withoutPrefixes(email.subject);
  const { group, from, to } = readSourceSubject(subject);
  const names = [
    ...new Set(partiesIn(email).map((party) => party.name || party.address || party.number || '')),
  ];
  const topic =
    headers.groupName ||
    source.threadTopic?.trim() ||
    (group === '' ? network : group) ||
    (from !== undefined && to !== undefined && [from, to].sort(byCodeUnit).join(', ')) ||
    headers.threadName ||
    subject ||
    names.sort(byCodeUnit).slice(0, 10).join(', ') ||
    network;

  // Ids of the source survive a renamed group.
  if (headers.groupId) return { key: `group:${headers.groupId}`, topic };
  if (headers.threadId) return { key: `thread id:${headers.threadId}`, topic };
  const guid = threadGuid(source.threadIndex);
  // A single reference of a message action is its original, which does not identify the conversation.
  const chain = email.action && source.references.length < 2 ? [] : source.references;
  const root = chainRoot(chain, source.answered);
  if (guid) return { key: `thread:${guid}`, topic };
  if (root) return { key: `references:${root}`, topic };
  return { key: group === undefined ? '' : `group named:${group || network}`, topic, isOfPeople: true };
}
