import { z } from 'zod';
import { GraphError } from './errors';

/** One `singleValueExtendedProperties` id, read; `key` is the spelling in which Exchange hands it back. */
export interface PropertyId {
  kind: Kind;
  key: string;
  /** MAPI property tag; absent for named properties. */
  tag?: number;
}

type Kind = keyof typeof canonical;

const invalidValue = () =>
  new GraphError(400, 'ErrorInvalidExtendedPropertyValue', 'The extended property value is invalid.');
// The very words in which the service refuses `Long` (microsoft-graph-docs issue 2251).
const invalidId = () =>
  new GraphError(
    400,
    'ErrorInvalidExtendedProperty',
    'The extended property attribute combination is invalid.',
  );

/** By kind: the value as Exchange keeps it. `Long`, though documented, is refused by the service. */
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
const form =
  /^([A-Za-z]+) (?:0x([0-9a-f]{1,8})|\{([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\} (?:Name (\S.*)|Id 0x([0-9a-f]{1,8})))$/i;
const maxStringBytes = 32 * 1024;
const maxNameLength = 254;

/** The tags that a create is known to honour, each with its MAPI type. Any other tag is refused on write. */
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
  const match = form.exec(text);
  const [, word = '', tagText, set, name, id] = match ?? [];
  if (!match || !Object.hasOwn(canonical, word)) throw invalidId();
  const kind = word as Kind;
  if (tagText !== undefined) {
    const tag = parseInt(tagText, 16);
    // Tags from 0x8000 on are what a mailbox gives to names: they mean nothing without a property set.
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
    // [MS-OXOMSG] 2.2.1.3: a header of 22 bytes that begins with 1, then blocks of 5.
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

/** ISO-8601 UTC alone: what Exchange makes of another zone, or of none, is known to nobody. */
function instant(value: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z$/.exec(value);
  if (!match) return undefined;
  const at = new Date(`${match[1]}Z`);
  // 30 February becomes 1 March in a Date; a FILETIME begins in 1601.
  if (Number.isNaN(at.getTime()) || at.toISOString().slice(0, 19) !== match[1]) return undefined;
  return at.getUTCFullYear() < 1601 ? undefined : `${match[1]}Z`;
}
