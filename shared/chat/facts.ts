import { networkOf, type Connector } from '../connectors';
import type { Call, Facts, Party } from '../email/email';
import { oneLine } from '../email/safe-text';
import { readSourceSubject } from '../email/source-subject';
import type { NamedIn } from '../participants/participants';
import type { SourceMessage } from '../telemessage/message';
import { keyOf, statedParty } from './parties';

/** A chat message and who took part in it. */
export interface Chat extends NamedIn {
  connector: Connector;
  from: Party | undefined;
  to: readonly Party[];
}

/** What the fields of a chat message say besides its text. `notSupplied`: names of files without content. */
export function factsOf(chat: Chat, notSupplied: string[]): Facts {
  const { message, connector } = chat;
  const group = groupName(message);
  const call = callOf(chat);
  const kind = call ? '' : oneLine(message.messageContext ?? '');
  const { readState } = readSourceSubject(message.subject ?? '');
  const source = oneLine(message.sourceType);
  return {
    network: networkOf(connector, source),
    source,
    ...(group !== undefined && { group: { name: group, count: memberCount(chat) } }),
    ...(call && { call }),
    ...(!ordinaryKinds.includes(kind.toLowerCase()) && { kind }),
    ...(readState && { readState }),
    ...(notSupplied.length > 0 && { notSupplied }),
  };
}

const ordinaryKinds = ['', 'app-message', 'multimedia-message'];

/** The name of the chat group: empty for a group without a name, undefined for a chat that is not a group. */
export function groupName(message: SourceMessage): string | undefined {
  const name = oneLine(message.dialogGroupName ?? '');
  return message.groupMessage || name !== '' ? name : undefined;
}

function memberCount({ from, to }: Chat): number {
  const sender = from && keyOf(from);
  return to.length + (sender !== undefined && !to.some((party) => keyOf(party) === sender) ? 1 : 0);
}

const callKinds: ReadonlyMap<string, Call['kind']> = new Map([
  ['voice-call', 'voiceCall'],
  ['video-call', 'videoCall'],
  ['call-log', 'call'],
]);

/** The kind of call; undefined for a message that is not a call. */
export function callKind(message: SourceMessage): Call['kind'] | undefined {
  const context = oneLine(message.messageContext ?? '');
  const known = callKinds.get(context.toLowerCase());
  return known ?? (message.callInfo && context === '' ? 'call' : undefined);
}

function callOf({ message, numbers, from, to }: Chat): Call | undefined {
  const kind = callKind(message);
  const info = message.callInfo;
  if (kind === undefined && !info) return undefined;
  const called = oneLine(info?.recipientNum ?? '');
  const calledKey = keyOf(statedParty(called, numbers));
  const isNamed = [from, ...to].some((party) => party && keyOf(party) === calledKey);
  return {
    kind: kind ?? 'call',
    status: oneLine(info?.callStatus ?? ''),
    start: oneLine(info?.startTime ?? ''),
    end: oneLine(info?.endTime ?? ''),
    ...(calledKey !== '' && !isNamed && { called }),
  };
}
