import type { ConnectorId } from '../../shared/connectors';
import { archivedIn, type Archived, type Window } from './day';
import { mailboxOf, type MappingMode } from './mapping';
import type { TenantUser } from './organisation';

/** The correct result for a window of the sample days, computed from how the items were made. */

export interface ExpectedItem {
  sourceId: string;
  tags: string[];
  /** `delivered` means that at least one mailbox has the item, perhaps from an earlier delivery. */
  outcome: 'delivered' | 'failed' | 'event';
  /** Why the item fails. */
  reason?: 'unreadable' | 'encrypted' | 'unmapped' | 'tooLarge' | 'accessDenied' | 'mailboxFull';
  /** Whether it loses attachments because of their size. */
  isPartial: boolean;
  /** The same item is earlier in the window, so its deliveries are skipped. */
  isRepeated: boolean;
  /** Ids of the users whose mailboxes must have it. */
  mailboxes: string[];
  /** Ids of the users whose mailboxes refuse it. */
  refusing: string[];
}

export interface Expectations {
  items: { available: number; delivered: number; failed: number; events: number };
  /**
   * `expected` counts the deliveries of all items except unmapped, unreadable and too large ones. The deliveries of
   * an item that is too large are counted in `tooLarge` only.
   */
  deliveries: {
    expected: number;
    imported: number;
    partial: number;
    skipped: number;
    refused: number;
    tooLarge: number;
  };
  /** Failed items by reason. */
  reasons: Record<string, number>;
  /** How many messages each mailbox has in the end, by user id. */
  mailboxes: Record<string, number>;
  /** Source ids by tag, by the reason of the failure, and under `partial` and `repeated`. */
  special: Record<string, string[]>;
  list: ExpectedItem[];
}

const refuses = (user: TenantUser, { item }: Archived): ExpectedItem['reason'] | undefined => {
  if (user.inScope === false) return 'accessDenied';
  // The quota is between the sizes of the large samples and of all others, so approximate sizes are good enough.
  return user.quotaBytes !== undefined && item.bytes > user.quotaBytes ? 'mailboxFull' : undefined;
};

function expected(one: Archived, mode: MappingMode, seen: Set<unknown>): ExpectedItem {
  const { item, arrivedAtMs } = one;
  const users = item.mentions.map((mention) => mailboxOf(mention, arrivedAtMs, mode));
  const mapped = [...new Set(users.filter((user) => user !== undefined))];
  const isRepeated = seen.has(item.id) && one.again !== undefined;
  seen.add(item.id);
  const base = { sourceId: item.id, tags: item.tags, isPartial: item.fate === 'partial', isRepeated };
  const none = { ...base, mailboxes: [], refusing: [] };
  if (item.fate === 'event') return { ...none, outcome: 'event' };
  if (item.fate === 'unreadable' || item.fate === 'encrypted')
    return { ...none, outcome: 'failed', reason: item.fate };
  if (mapped.length === 0) return { ...none, outcome: 'failed', reason: 'unmapped' };
  if (item.fate === 'tooLarge') {
    return { ...none, outcome: 'failed', reason: 'tooLarge', refusing: mapped.map(({ id }) => id) };
  }
  const refusing = mapped.filter((user) => refuses(user, one));
  const mailboxes = mapped.filter((user) => !refusing.includes(user));
  const ids = { mailboxes: mailboxes.map(({ id }) => id), refusing: refusing.map(({ id }) => id) };
  const reason = mailboxes.length === 0 ? refuses(refusing[0]!, one) : undefined;
  return reason ? { ...base, ...ids, outcome: 'failed', reason } : { ...base, ...ids, outcome: 'delivered' };
}

/** The expected counts, and the expected items by arrival. */
export function expectations(connector: ConnectorId, window: Window, mode: MappingMode = {}): Expectations {
  const seen = new Set<unknown>();
  const list = [...archivedIn(connector, window)].map((one) => expected(one, mode, seen));
  const total = (of: (one: ExpectedItem) => number) => list.reduce((sum, one) => sum + of(one), 0);
  const count = (is: (one: ExpectedItem) => boolean) => total((one) => (is(one) ? 1 : 0));
  const made = (one: ExpectedItem) => (one.isRepeated ? 0 : one.mailboxes.length);
  const special: Record<string, string[]> = {};
  const reasons: Record<string, number> = {};
  const mailboxes: Record<string, number> = {};
  for (const one of list) {
    const kinds = [
      ...one.tags,
      one.reason,
      one.isPartial ? 'partial' : undefined,
      one.isRepeated ? 'repeated' : undefined,
    ];
    for (const kind of kinds) if (kind !== undefined) (special[kind] ??= []).push(one.sourceId);
    if (one.reason) reasons[one.reason] = (reasons[one.reason] ?? 0) + 1;
    if (!one.isRepeated) for (const id of one.mailboxes) mailboxes[id] = (mailboxes[id] ?? 0) + 1;
  }
  const isTooLarge = (one: ExpectedItem) => one.reason === 'tooLarge';
  return {
    items: {
      available: list.length,
      delivered: count((one) => one.outcome === 'delivered'),
      failed: count((one) => one.outcome === 'failed'),
      events: count((one) => one.outcome === 'event'),
    },
    deliveries: {
      expected: total((one) => (isTooLarge(one) ? 0 : one.mailboxes.length + one.refusing.length)),
      imported: total((one) => (one.isPartial ? 0 : made(one))),
      partial: total((one) => (one.isPartial ? made(one) : 0)),
      skipped: total((one) => (one.isRepeated ? one.mailboxes.length : 0)),
      refused: total((one) => (isTooLarge(one) ? 0 : one.refusing.length)),
      tooLarge: total((one) => (isTooLarge(one) ? one.refusing.length : 0)),
    },
    reasons,
    mailboxes,
    special,
    list,
  };
}
