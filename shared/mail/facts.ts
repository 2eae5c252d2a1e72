import { networkOf, type Connector } from '../connectors';
import type { Email, Facts, Party } from '../email/email';
import { actionInText, actionNamed, readMessageAction, type MessageAction } from '../email/message-action';
import { oneLine } from '../email/safe-text';
import { callNamed, type SourceSubject } from '../email/source-subject';
import type { TeleMessageHeaders } from './telemessage-headers';

/** Where a mail says what it is: its headers, its subject, its text, and the feed. */
export interface Sayings {
  messageId: string;
  connector: Connector;
  /** As the feed has it; may be empty. */
  sourceType: string;
  headers: TeleMessageHeaders;
  subject: string;
  /** The subject, read by TeleMessage's pattern. */
  said: SourceSubject;
  body: Email['body'];
}

/** The action that a mail reports. The id tells it first, then headers and subject, and last the text itself. */
export function actionOf({ messageId, headers, subject, said, body }: Sayings): MessageAction | undefined {
  const own = readMessageAction(messageId);
  if (own) return own;
  const inSubject = actionInText(subject);
  const inBody = body.type === 'text' ? actionInText(body.content) : undefined;
  const kind =
    actionNamed(headers.messageType ?? '') ??
    actionNamed(headers.status ?? '') ??
    said.action ??
    inSubject?.kind ??
    // People write anything into brackets; only the source names the original.
    (inBody?.originalId === undefined ? undefined : inBody.kind);
  if (kind === undefined) return undefined;
  const originalId = inSubject?.originalId ?? inBody?.originalId;
  return { kind, ...(originalId !== undefined && { originalId }) };
}

const ordinaryKinds = /^(?:text|chat|message|im|sms|app-message|text\/plain)?$/i;
const readStates = ['read', 'unread', 'unknown'] as const;

/** What a mail says besides its text. A value without a known meaning appears as written. */
export function factsOf(
  sayings: Sayings,
  action: MessageAction | undefined,
  { parties, senders }: { parties: readonly Party[]; senders: readonly Party[] },
): Facts {
  const { headers, said, sourceType } = sayings;
  const type = oneLine(headers.messageType ?? '');
  const state = oneLine(headers.status ?? '');
  const call = callNamed(type) ?? callNamed(said.what ?? '');
  const kind = [type, said.what ?? ''].find((one) => !ordinaryKinds.test(one)) ?? '';
  const isKindNew = kind !== '' && !call && actionNamed(kind) === undefined;
  const readState = said.readState ?? (action && readStates.find((one) => one === state.toLowerCase()));
  const isStateNew = state !== '' && !call && readState === undefined && actionNamed(state) === undefined;
  const name = headers.groupName ?? said.group ?? (headers.groupId === undefined ? undefined : '');
  const network = networkIn(sayings);
  const people = new Set(parties.map((party) => (party.address ?? party.number ?? party.name).toLowerCase()));
  return {
    network,
    source: oneLine(sourceType) || oneLine(headers.archiveSource ?? '') || network,
    ...(name !== undefined && { group: { name: oneLine(name), count: people.size } }),
    ...(call && { call: { ...call, status: call.status || state, start: '', end: '' } }),
    ...(isKindNew && { kind }),
    ...(isStateNew && { status: state }),
    ...(readState && { readState }),
    ...(senders.length > 1 && { senders: senders.map(signature) }),
  };
}

/** The network by what the source calls it; a name that the connector does not know stays as written. */
function networkIn({ connector, sourceType, headers, said }: Sayings): string {
  const words = [sourceType, headers.network ?? '', headers.archiveSource ?? '', said.network ?? ''];
  const known = words.map((word) => networkOf(connector, word)).find((one) => one !== connector.network);
  const written = oneLine(headers.network ?? '');
  const isOwn = written === '' || written.toUpperCase().includes(connector.network.toUpperCase());
  return known ?? (isOwn ? connector.network : written);
}

function signature({ name, address }: Party): string {
  if (!address) return name;
  return name === '' ? address : `${name} <${address}>`;
}
