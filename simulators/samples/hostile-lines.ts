import type { ConnectorId } from '../../shared/connectors';
import type { ArchivedLine, Window } from './day';
import { staff } from './organisation';

/**
 * Items that try to hold up all others: texts on which careless expressions take minutes, more recipients than anybody
 * can write to, and a conversation of a person whose mailbox answers slowly. Each hour has one of each.
 */

export const hostileIds = /^hostile-/;

/** The party of every hostile line; a fault plan can make this mailbox slow. */
export const slowUser = staff.find(({ number }) => number === '447400123000')!.user;

const hourMs = 3_600_000;
const afterTheHourMs = 20 * 60_000;
const times = (text: string, count: number) => Array<string>(count).fill(text).join('');

const user = { emailAddress: slowUser.userPrincipalName };
const mails: Record<string, () => string> = {
  poisonous: () =>
    [
      `From: ${times('(', 40_000)} <${slowUser.userPrincipalName}>`,
      `Subject: ${times('=?', 20_000)}`,
      `Content-Type: text/plain; charset=${times('(', 40_000)}`,
      '',
      'text',
    ].join('\r\n'),
  enormous: () =>
    [`From: ${slowUser.userPrincipalName}`, `To: ${times('a@partner.example, ', 60_000)}`, '', 'text'].join(
      '\r\n',
    ),
  slow: () => [`From: ${slowUser.userPrincipalName}`, 'Subject: slow', '', 'text'].join('\r\n'),
};
const chats: Record<string, () => object> = {
  poisonous: () => ({
    from: times('1 ', 60_000),
    to: [times('+(', 60_000)],
    textContent: times('<', 60_000),
  }),
  enormous: () => ({
    from: 'UNKNOWN',
    to: Array.from({ length: 60_000 }, (_, n) => String(12025550000 + n)),
  }),
  slow: () => ({ from: 'UNKNOWN', to: [], textContent: 'slow' }),
};

function lineOf(connector: ConnectorId, kind: string, gatewayReceivedDate: string): Buffer {
  const head = { messageId: `hostile-${kind}-${gatewayReceivedDate}`, gatewayReceivedDate };
  const rest =
    connector === 'wechat'
      ? { sourceType: 'WECHAT', mime: Buffer.from(mails[kind]!()).toString('base64') }
      : { sourceType: 'WHATSAPP_ARCHIVER', messageContext: 'app-message', ...chats[kind]!() };
  return Buffer.from(`${JSON.stringify({ ...head, usersEmailAddress: [user], ...rest })}\n`);
}

/** The hostile lines of a window, by arrival. */
export function hostileLines(connector: ConnectorId, { from, to }: Window): ArchivedLine[] {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  const found: ArchivedLine[] = [];
  for (let hour = Math.floor(fromMs / hourMs) * hourMs; hour < toMs; hour += hourMs)
    for (const [place, kind] of Object.keys(mails).entries()) {
      const arrivedAtMs = hour + afterTheHourMs + place;
      if (arrivedAtMs < fromMs || arrivedAtMs >= toMs) continue;
      const gatewayReceivedDate = new Date(arrivedAtMs).toISOString();
      found.push({
        gatewayReceivedDate,
        bytes: 200_000,
        line: () => lineOf(connector, kind, gatewayReceivedDate),
      });
    }
  return found;
}
