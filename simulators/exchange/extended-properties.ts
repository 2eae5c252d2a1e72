import * as z from 'zod';
import { GraphError } from './errors';
import { hasAttachments, wholeSeconds, type Message } from './mailboxes';

/** The parts of an id in `singleValueExtendedProperties`. */
export interface PropertyId {
  kind: Kind;
  /** The id as Exchange returns it: `Integer 0x0E07` comes back as `Integer 0xe07`. */
  key: string;
  /** MAPI property tag; absent for named properties. */
  tag?: number;
}

type Kind = keyof typeof canonical;

const invalidValue = () =>
  new GraphError(400, 'ErrorInvalidExtendedPropertyValue', 'The extended property value is invalid.');
// The service's own text when it refuses `Long` (microsoft-graph-docs issue 2251).
const invalidId = () =>
  new GraphError(
    400,
    'ErrorInvalidExtendedProperty',
    'The extended property attribute combination is invalid.',
  );

/** The value as Exchange keeps it, by kind. `Long` is documented, but the service refuses it. */
const canonical = {
  Binary: (value: string) => {
    const bytes = Buffer.from(value, 'base64');
    return bytes.length > 0 && bytes.toString('base64') === value ? value : undefined;
  },
  Boolean: (value: string) => (/^(true|false)$/i.test(value) ? value.toLowerCase() : undefined),
  CLSID: (value: string) => (guid.test(value) ? value.toLowerCase() : undefined),
  Double: real,
  Float: real,
  Integer: (value: string) => whole(value, 2 ** 31),
  Short: (value: string) => whole(value, 2 ** 15),
  String: (value: string) => (Buffer.byteLength(value) < maxStringBytes ? value : undefined),
  SystemTime: instant,
};

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const idPattern =
  /^([A-Za-z]+) (?:0x([0-9a-f]{1,8})|\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\} (?:Name (\S.*)|Id 0x([0-9a-f]{1,8})))$/i;
const maxStringBytes = 32 * 1024;
const maxNameLength = 254;

/** The tags that a create is known to honour. Any other tag is refused on write. */
export const tags = {
  flags: 0x0e07,
  submitTime: 0x0039,
  deliveryTime: 0x0e06,
  itemClass: 0x001a,
  transportHeaders: 0x007d,
  conversationTopic: 0x0070,
  conversationIndex: 0x0071,
  inReplyTo: 0x1042,
  references: 0x1039,
} as const;

const kindOfTag = new Map<number, Kind>([
  [tags.flags, 'Integer'],
  [tags.submitTime, 'SystemTime'],
  [tags.deliveryTime, 'SystemTime'],
  [tags.itemClass, 'String'],
  [tags.transportHeaders, 'String'],
  [tags.conversationTopic, 'String'],
  [tags.conversationIndex, 'Binary'],
  [tags.inReplyTo, 'String'],
  [tags.references, 'String'],
]);

export const keyOfTag = (tag: number) => `${kindOfTag.get(tag)} 0x${tag.toString(16)}`;

export function parsePropertyId(text: string): PropertyId {
  const match = idPattern.exec(text);
  const [, word = '', tagText, set, name, id] = match ?? [];
  if (!match || !Object.hasOwn(canonical, word)) throw invalidId();
  const kind = word as Kind;
  if (tagText !== undefined) {
    const tag = parseInt(tagText, 16);
    // A mailbox gives the tags from 0x8000 on to named properties; they mean nothing without a property set.
    if (tag === 0 || tag >= 0x8000) throw invalidId();
    return { kind, key: `${kind} 0x${tag.toString(16)}`, tag };
  }
  if (name !== undefined && name.length > maxNameLength) throw invalidId();
  const last = name === undefined ? `Id 0x${parseInt(id!, 16).toString(16)}` : `Name ${name}`;
  return { kind, key: `${kind} {${set!.toLowerCase()}} ${last}` };
}

export const extendedProperties = z.array(
  z.strictObject({
    '@odata.type': z.literal('#microsoft.graph.singleValueLegacyExtendedProperty').optional(),
    id: z.string(),
    value: z.string(),
  }),
);

export interface Property extends PropertyId {
  value: string;
}

export function readProperties(given: z.infer<typeof extendedProperties>): Property[] {
  const seen = new Set<string>();
  return given.map(({ id, value }) => {
    const property = parsePropertyId(id);
    if (seen.has(property.key)) throw invalidId();
    seen.add(property.key);
    if (property.tag !== undefined && kindOfTag.get(property.tag) !== property.kind) throw invalidId();
    const kept = value === '' ? undefined : canonical[property.kind](value);
    if (kept === undefined || !fitsTag(property.tag, kept)) throw invalidValue();
    return { ...property, value: kept };
  });
}

function fitsTag(tag: number | undefined, value: string): boolean {
  if (tag === tags.itemClass) return /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(value) && value.length <= 255;
  if (tag === tags.conversationIndex) {
    // [MS-OXOMSG] 2.2.1.3: a header of 22 bytes whose first is 1, then blocks of 5 bytes.
    const bytes = Buffer.from(value, 'base64');
    return bytes.length >= 22 && bytes[0] === 1 && (bytes.length - 22) % 5 === 0;
  }
  return true;
}

function whole(value: string, bound: number): string | undefined {
  if (!/^-?\d{1,10}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= -bound && number < bound ? String(number) : undefined;
}

function real(value: string): string | undefined {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value) ? value : undefined;
}

/** Only ISO-8601 UTC is taken: what Exchange does with another zone, or without one, is not documented. */
function instant(value: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(value);
  if (!match) return undefined;
  const at = new Date(`${match[1]}Z`);
  // Date turns 30 February into 2 March; a FILETIME begins in 1601.
  if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 19) !== match[1]) return undefined;
  return at.getUTCFullYear() < 1601 ? undefined : `${match[1]}Z`;
}

/** An extended property as Exchange returns it, whether it is kept as such or in another field of the message. */
export function propertyOf(message: Message, key: string): string | undefined {
  switch (key) {
    case keyOfTag(tags.flags):
      return String(
        (message.isRead ? 1 : 0) | (message.isDraft ? 8 : 0) | (hasAttachments(message) ? 16 : 0),
      );
    case keyOfTag(tags.submitTime):
      return wholeSeconds(message.sentAt);
    case keyOfTag(tags.deliveryTime):
      return wholeSeconds(message.receivedAt);
    case keyOfTag(tags.itemClass):
      return message.itemClass;
    default:
      return message.properties[key];
  }
}
