import type { Call, Facts } from './email';
import { actionNamed, type MessageAction } from './message-action';

/** What a subject says that follows TeleMessage's pattern. */
export interface SourceSubject {
  /** The name of the network as the subject has it. */
  network?: string;
  /** The words between network and `from`, without `message`: `picture`, `unanswered voice call`; empty for a message. */
  what?: string;
  from?: string;
  to?: string;
  /** Name of the chat group to which the message went; may be empty. */
  group?: string;
  action?: MessageAction['kind'];
  readState?: NonNullable<Facts['readState']>;
}

/** `[<act> ]<App> <what> from <A> to <B | chat group G>`. */
const pattern =
  /^(?:(?<act>(?:\[[^\]]{1,40}\]|(?:delet|edit|recall|revoke)\w*(?:\s+for\s+(?:me|all|everyone))?|已?撤回|已?删除|회수|삭제|수정)(?:\s+(?:read|unread|unknown))?)\s+)?(?<network>\p{L}[\p{L}\d]{1,30})\s+(?<what>(?:[\p{L}\d_-]{1,40}\s+){0,3}?)(?<noun>message|call|chat|file|attachment|media|notification)\s+from\s+(?<rest>.*)$/iu;
const groupName = /^["'“]?(?:chat\s+group|group\s+chat|group)["'”]?(?:\s+(?<name>.+))?$/i;
/** Longer subjects are not made by TeleMessage. */
const maxLength = 2_000;

/** Reads subjects such as `DELETED For All READ WhatsApp message from A to B`; empty for any other subject. */
export function readSourceSubject(subject: string): SourceSubject {
  const found = subject.length > maxLength ? undefined : pattern.exec(subject.trim())?.groups;
  if (!found) return {};
  const { act = '', network, what = '', noun = '', rest = '' } = found;
  const kind = [what.trim(), /^(?:message|chat|notification)$/i.test(noun) ? '' : noun]
    .filter(Boolean)
    .join(' ');
  const [from = '', ...others] = rest.split(/\s+to\s+/i);
  const to = others.join(' to ').trim();
  const group = groupName.exec(to);
  const name = group?.groups?.['name']?.replace(/^["'“”]+|["'“”]+$/g, '').trim();
  const state = /\b(read|unread|unknown)$/i.exec(act)?.[1]?.toLowerCase() as Facts['readState'];
  const action = actionNamed(act.replace(/^\[|\]$/g, '')) ?? (what === '' ? undefined : actionNamed(what));
  return {
    ...(network !== undefined && { network }),
    what: action !== undefined && actionNamed(what) !== undefined ? '' : kind.toLowerCase(),
    ...(from.trim() !== '' && { from: from.trim() }),
    ...(to !== '' && { to }),
    ...(group && { group: name ?? '' }),
    ...(action !== undefined && { action }),
    ...(state !== undefined && { readState: state }),
  };
}

/** The kind of call that words of the source name, and whether they say that nobody took it. */
export function callNamed(what: string): Pick<Call, 'kind' | 'status'> | undefined {
  if (!/\bcalls?\b|\bcall-log\b|^call/i.test(what)) return undefined;
  const kind = /video/i.test(what) ? 'videoCall' : /voice|audio/i.test(what) ? 'voiceCall' : 'call';
  return { kind, status: /unanswered/i.test(what) ? 'unanswered' : '' };
}
