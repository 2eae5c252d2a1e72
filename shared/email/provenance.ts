import type { Provenance } from '../item';
import type { Party } from './email';
import { cutTo, firstWithin, oneLine } from './safe-text';

/** One entry of a message's `singleValueExtendedProperties`. */
export interface ExtendedProperty {
  id: string;
  value: string;
}

/** This app's property set. Never change it: items in mailboxes keep it for as long as they are retained. */
const propertySet = '{5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41}';
const named = <Name extends string>(name: Name) => `String ${propertySet} Name ${name}` as const;

/**
 * Ids of the named properties, the same for every item. There are few, because a mailbox may have room for only some
 * dozens of names.
 */
export const propertyIds = {
  /** Idempotency key: the property that a look-up filters by. */
  itemKey: named('ItemKey'),
  /**
   * For an item that needs several requests, set by the last one: `yes` when all attachments are in, `partial` when
   * the mailbox could not accept some of them.
   */
  complete: named('Complete'),
  connector: named('Connector'),
  sourceId: named('SourceId'),
  batch: named('Batch'),
  position: named('Position'),
  sha256: named('Sha256'),
  usersEmailAddress: named('UsersEmailAddress'),
} as const;

/** The values that the last of several requests sets. */
export const completeMark: ExtendedProperty = { id: propertyIds.complete, value: 'yes' };
export const partialMark: ExtendedProperty = { id: propertyIds.complete, value: 'partial' };

const maxSourceIdLength = 1_000;
/** A create request may fail on a longer value; Exchange's own limit is 32 KB. */
const maxAddressesBytes = 30_000;

/**
 * Whether the message carries the mark of completeness. Exchange returns property ids in its own spelling (other
 * case, other spaces), so they are compared by their parts.
 */
export function isComplete(message: {
  singleValueExtendedProperties?: readonly ExtendedProperty[] | null;
}): boolean {
  const value = propertyValue(message, propertyIds.complete);
  return value === completeMark.value || value === partialMark.value;
}

/** The value of a named property of a message that Exchange returned, or undefined. */
export function propertyValue(
  message: { singleValueExtendedProperties?: readonly ExtendedProperty[] | null },
  id: string,
): string | undefined {
  const wanted = comparable(id);
  return message.singleValueExtendedProperties?.find((property) => comparable(property.id) === wanted)?.value;
}

/** Exchange changes the case of everything but the name itself. */
function comparable(id: string): string {
  const [head = '', name = ''] = id.trim().split(/\s+Name\s+/i);
  return `${head.toLowerCase().replace(/\s+/g, ' ')} ${name}`;
}

/** The named properties of an item: its key, its origin, and the *User's Email address* field. */
export function provenanceProperties(
  provenance: Provenance<string>,
  itemKey: string,
  users: readonly Party[],
): ExtendedProperty[] {
  const properties = [
    { id: propertyIds.itemKey, value: itemKey },
    { id: propertyIds.connector, value: provenance.connector },
    { id: propertyIds.sourceId, value: shownSourceId(provenance) },
    { id: propertyIds.batch, value: String(provenance.batch) },
    { id: propertyIds.position, value: String(provenance.position) },
    { id: propertyIds.sha256, value: provenance.sha256 },
  ];
  const known = users
    .map(({ address, number }) => oneLine(address ?? number ?? ''))
    .filter((text) => text !== '');
  const value = firstWithin(maxAddressesBytes, known, ';').join(';');
  // Exchange refuses the whole item for one empty value, and a source id can be all blanks.
  return [...properties, { id: propertyIds.usersEmailAddress, value }].filter((one) => one.value !== '');
}

/** The source's id on one line, cut to 1,000 characters. */
export function shownSourceId(provenance: Provenance<string>): string {
  return cutTo(maxSourceIdLength, oneLine(provenance.sourceId));
}
