import { addressParser, decodeWords } from 'postal-mime';
import type { ConnectorId } from '../../shared/connectors';
import { sampleLines } from '../../simulators/samples/day';
import type { Random } from '../../simulators/samples/random';
import { changed, damaged, odd, type Json } from './mutate';
import { namedIn } from './people';

/** Damaged sample lines and lines that are no messages. Independent code decides who may get the item. */

export interface DamagedLine {
  connector: ConnectorId;
  line: Buffer;
  /** Users whose mailboxes may get the item. */
  may: Set<string>;
}

const maxLineBytes = 24 * 1024;
const window = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };

const corpus: Partial<Record<ConnectorId, Buffer[]>> = {};
/** The lines of the sample day that are small enough to be damaged many thousand times. */
const linesOf = (connector: ConnectorId): Buffer[] =>
  (corpus[connector] ??= [...sampleLines(connector, window)]
    .filter(({ bytes }) => bytes <= maxLineBytes)
    .map(({ line }) => line().subarray(0, -1)));

export function damagedLine(connector: ConnectorId, r: Random): DamagedLine {
  const original = r.pick(linesOf(connector));
  const line = r.chance(0.35) ? damaged(original, r) : rewritten(connector, original, r);
  return { connector, line, may: mayReach(connector, line) };
}

function rewritten(connector: ConnectorId, original: Buffer, r: Random): Buffer {
  let value: Json;
  try {
    value = JSON.parse(original.toString()) as Json;
  } catch {
    return damaged(original, r);
  }
  if (connector === 'wechat' && r.chance(0.8)) {
    const fields = value as { mime?: string };
    if (typeof fields.mime === 'string')
      fields.mime = damaged(Buffer.from(fields.mime, 'base64'), r).toString('base64');
  } else value = changed(value, r);
  const text = JSON.stringify(value);
  // A duplicate key: JSON readers disagree on which one counts.
  return Buffer.from(r.chance(0.1) ? text.replace('{', `{"messageId":${JSON.stringify(odd(r))},`) : text);
}

const nest = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);

const noMessages: ((r: Random) => Buffer | string)[] = [
  () => '',
  () => ' ',
  () => 'null',
  () => '"text"',
  () => '123456789012345678901234567890',
  () => '[]',
  () => '{}',
  () => '{"__proto__":{"messageId":"1_1"}}',
  () => '<html>502</html>',
  (r) => nest('[', ']', 1 + r.int(60_000)),
  (r) => nest('{"a":', '}', 1 + r.int(20_000)).replace('}', '1}'),
  (r) => `{"messageId":"1_1","x":${nest('[', ']', r.int(50_000))}}`,
  (r) => `{"messageId":${'9'.repeat(r.int(2000) + 1)}}`,
  (r) => JSON.stringify(odd(r)),
  (r) => `\ufeff${JSON.stringify({ messageId: '1_1', x: odd(r) })}`,
  (r) => Buffer.from(Array.from({ length: r.int(400) }, () => r.int(256))),
  (r) => Buffer.from(JSON.stringify({ messageId: '1_1' }), r.chance(0.5) ? 'utf16le' : 'latin1'),
];

/** A line that is no archived message, or one whose required fields hold odd values. */
export function strangeLine(r: Random): DamagedLine {
  const connector = r.pick(['wechat', 'whatsapp'] as const);
  if (r.chance(0.5)) {
    const line = Buffer.from(r.pick(noMessages)(r));
    return { connector, line, may: mayReach(connector, line) };
  }
  const fields: { [key: string]: Json } = {
    messageId: r.chance(0.9) ? '1_1' : odd(r),
    gatewayReceivedDate: r.chance(0.7) ? '2026-11-20T08:00:05Z' : odd(r),
    sourceType: r.chance(0.9) ? 'WHATSAPP_ARCHIVER' : odd(r),
    usersEmailAddress: r.chance(0.5) ? [] : [{ emailAddress: odd(r), mobileNumber: odd(r) }],
    mime: r.chance(0.5) ? Buffer.from(JSON.stringify(odd(r))).toString('base64') : odd(r),
  };
  for (const key of ['from', 'to', 'attachment', 'callInfo', 'textContent', 'toEnriched', 'groupMessage'])
    if (r.chance(0.4)) fields[key] = odd(r);
  const line = Buffer.from(JSON.stringify(fields));
  return { connector, line, may: mayReach(connector, line) };
}

/**
 * Users who may get the item: everybody whom a participant field names, found by text search and by another mail
 * reader. It finds more users than the app, never fewer.
 */
export function mayReach(connector: ConnectorId, line: Buffer): Set<string> {
  let message: Record<string, unknown>;
  try {
    message = JSON.parse(line.toString()) as Record<string, unknown>;
  } catch {
    return new Set();
  }
  if (typeof message !== 'object' || message === null) return new Set();
  const field = (value: unknown): string[] => (value === undefined ? [] : [flat(value)]);
  const texts = [message['usersEmailAddress']].flat().flatMap((user) => {
    // A bare text in place of an entry counts as an entry.
    if (typeof user !== 'object' || user === null || Array.isArray(user)) return field(user);
    const { emailAddress, mobileNumber } = user as Record<string, unknown>;
    return [...field(emailAddress), ...field(mobileNumber)];
  });
  if (connector === 'whatsapp') {
    const to = Array.isArray(message['to']) ? (message['to'] as unknown[]) : [message['to']];
    const called = (message['callInfo'] as { recipientNum?: unknown } | null | undefined)?.recipientNum;
    texts.push(...field(message['from']), ...to.flatMap(field), ...field(called));
  } else if (typeof message['mime'] === 'string') texts.push(...partyHeaders(message['mime']));
  return namedIn(texts);
}

const flat = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Every text in the mail, at any place, that a reader could take for a header with parties, and its continuation. */
function partyHeaders(mime: string): string[] {
  const raw = Buffer.from(mime, 'base64');
  const header = /(?<=^|[\r\n])(?:from|sender|to|cc|apparently-to)[ \t]*:/gi;
  return [raw.toString('latin1'), raw.toString('utf8')].flatMap((text) =>
    [...text.matchAll(header)].flatMap(({ 0: name, index }) => {
      const rest = text.slice(index + name.length);
      // The header ends before an empty line, and before a line that looks like another header.
      const end = rest.search(/\n(?=[!-9;-~]+[ \t]*:|\r?\n)/);
      const unfolded = (end < 0 ? rest : rest.slice(0, end)).replace(/[\r\n]+/g, '');
      // Comments may stand inside an address.
      const plain = unfolded.replace(/\([^()]*\)/g, '');
      return [unfolded, plain, decodeWords(unfolded), ...addressesIn(unfolded), ...wordsIn(unfolded)];
    }),
  );
}

/** Damaged base64 words as a lenient decoder reads them: damage can turn one number into another. */
const wordsIn = (text: string) =>
  [...text.matchAll(/=\?[^?]*\?b\?([^?]*)/gi)].flatMap(([, word = '']) => {
    const bytes = Buffer.from(word, 'base64');
    return [bytes.toString('latin1'), bytes.toString('utf8')];
  });

function addressesIn(text: string): string[] {
  try {
    return addressParser(text, { flatten: true }).flatMap(({ name, address }) => [name, address ?? '']);
  } catch {
    return [];
  }
}
