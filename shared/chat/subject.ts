import type { Connector } from '../connectors';
import type { Party } from '../email/email';
import type { MessageAction } from '../email/message-action';
import { translate, type Language, type Phrase } from '../email/phrases';
import { oneLine } from '../email/safe-text';
import type { NamedIn } from '../participants/participants';
import type { SourceMessage } from '../telemessage/message';
import { partyName } from './parties';

/** What the subject and the details are made from. */
export interface Chat extends NamedIn {
  connector: Connector;
  from: Party | undefined;
  to: readonly Party[];
  action: MessageAction | undefined;
  language: Language;
}

/** More names would fill the subject; the item's own fields hold all recipients. */
const maxNames = 3;

/**
 * The source's own subject, or one in TeleMessage's pattern: action, kind, sender, then group or recipients. Of any
 * length; `mailboxItem` cuts it to what Exchange keeps.
 */
export function subjectOf(chat: Chat): string {
  const own = oneLine(chat.message.subject ?? '');
  if (own !== '') return own;
  const { message, action, connector, language } = chat;
  const kind = callKind(message);
  const failed = ['missed', 'rejected', 'busy'].includes(callStatus(message).toLowerCase());
  const pattern: Phrase = kind === undefined ? 'message' : failed ? unanswered[kind] : kind;
  const values = { network: connector.network, from: partyName(chat.from, language), to: addressee(chat) };
  const subject = translate(pattern, values, language);
  return action ? `${translate(action.kind, {}, language)} ${subject}` : subject;
}

const unanswered = {
  voiceCall: 'unansweredVoiceCall',
  videoCall: 'unansweredVideoCall',
  call: 'unansweredCall',
} as const satisfies Record<CallKind, Phrase>;

function addressee({ message, to, language }: Chat): string {
  const group = groupName(message);
  if (group !== undefined) {
    return translate('chatGroup', { name: group || translate('unnamedGroup', {}, language) }, language);
  }
  if (to.length === 0) return translate('unknown', {}, language);
  const names = to.map((party) => partyName(party, language));
  if (names.length <= maxNames) return names.join(', ');
  const first = names.slice(0, maxNames).join(', ');
  return translate('andMore', { names: first, count: names.length - maxNames }, language);
}

/** The name of the chat group: empty for a group without a name, undefined for a chat that is not a group. */
export function groupName(message: SourceMessage): string | undefined {
  const name = oneLine(message.dialogGroupName ?? '');
  return message.groupMessage || name !== '' ? name : undefined;
}

export type CallKind = 'voiceCall' | 'videoCall' | 'call';

const callKinds: ReadonlyMap<string, CallKind> = new Map([
  ['voice-call', 'voiceCall'],
  ['video-call', 'videoCall'],
  ['call-log', 'call'],
]);

/** The kind of call; undefined for a message that is not a call. */
export function callKind(message: SourceMessage): CallKind | undefined {
  const context = oneLine(message.messageContext ?? '');
  const known = callKinds.get(context.toLowerCase());
  return known ?? (message.callInfo && context === '' ? 'call' : undefined);
}

/** How the call went, as the source writes it on one line; empty when it does not say. */
export function callStatus(message: SourceMessage): string {
  return oneLine(message.callInfo?.callStatus ?? '');
}
