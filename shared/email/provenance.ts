import type { Provenance } from '../item';
import type { SourceMessage } from '../telemessage/message';
import { cutTo, firstWithin, oneLine } from './safe-text';

/** One entry of a message's `singleValueExtendedProperties`. */
export interface ExtendedProperty {
  id: string;
  value: string;
}

/** This app's property set. Mailboxes hold it for as long as they are retained: it must never change. */
const propertySet = '{5d1c3d6a-0f5e-4c58-9a8e-6f3f6b7f2a41}';
const named = <Name extends string>(name: Name) => `String ${propertySet} Name ${name}` as const;

/**
 * Ids of the named properties. A mailbox has room for some dozens of names for certain, so there are a
 * handful, the same for every item.
 */
export const propertyIds = {
  /** Idempotency key: the one that a look-up filters by. */
  itemKey: named('ItemKey'),
  /**
   * `yes` once an item that needs several requests has all its attachments, `partial` when there was no way to
   * bring in some of them; set by the last request.
   */
  complete: named('Complete'),
  connector: named('Connector'),
  sourceId: named('SourceId'),
  batch: named('Batch'),
  position: named('Position'),
  sha256: named('Sha256'),
  usersEmailAddress: named('UsersEmailAddress'),
} as const;

/** What the last request of an item that needs several of them sets. */
export const completeMark: ExtendedProperty = { id: propertyIds.complete, value: 'yes' };
export const partialMark: ExtendedProperty = { id: propertyIds.complete, value: 'partial' };

const maxSourceIdLength = 1_000;
/** Long values are not sure to be taken in a create request; Exchange's own border lies at 32 KB. */
const maxAddressesBytes = 30_000;

/**
 * Whether the message carries the mark of completeness. Exchange hands ids back in a spelling of its own
 * (other case, other spaces), so they are compared by their parts.
 */
export function isComplete(message: {
  singleValueExtendedProperties?: readonly ExtendedProperty[] | null;
}): boolean {
  const value = propertyValue(message, propertyIds.complete);
  return value === completeMark.value || value === partialMark.value;
}

/** The value of a named property of a message that Exchange handed back, or undefined. */
export function propertyValue(
  message: { singleValueExtendedProperties?: readonly ExtendedProperty[] | null },
  id: string,
): string | undefined {
  const wanted = comparable(id);
  return message.singleValueExtendedProperties?.find((property) => comparable(property.id) === wanted)?.value;
}

/** Everything but the name of a named property is free in case; the name is not. */
function comparable(id: string): string {
  const [head = '', name = ''] = id.trim().split(/\s+Name\s+/i);
  return `${head.toLowerCase().replace(/\s+/g, ' ')} ${name}`;
}

/** The named properties of an item: its key, where it came from, and the *User's Email address* property. */
export function provenanceProperties(
  provenance: Provenance,
  itemKey: string,
  addresses: SourceMessage['usersEmailAddress'],
): ExtendedProperty[] {
  const properties = [
    { id: propertyIds.itemKey, value: itemKey },
    { id: propertyIds.connector, value: provenance.connector },
    { id: propertyIds.sourceId, value: shownSourceId(provenance) },
    { id: propertyIds.batch, value: String(provenance.batch) },
    { id: propertyIds.position, value: String(provenance.position) },
    { id: propertyIds.sha256, value: provenance.sha256 },
  ];
  const known = addresses
    .map(({ emailAddress, mobileNumber }) => oneLine(emailAddress?.trim() || mobileNumber || ''))
    .filter((text) => text !== '');
  const value = firstWithin(maxAddressesBytes, known, ';').join(';');
  // An empty value says nothing, and Exchange refuses the whole item for it. A source id can be all blanks.
  return [...properties, { id: propertyIds.usersEmailAddress, value }].filter((one) => one.value !== '');
}

/** The source's id as it came, bounded, and on one line. */
export function shownSourceId(provenance: Provenance): string {
  return cutTo(maxSourceIdLength, oneLine(provenance.sourceId));
}
