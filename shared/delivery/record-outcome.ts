import type { Deps } from '../deps';
import { acceptable, cutTo } from '../email/safe-text';
import { reasons, type KnownOfItem, type Reason } from '../errors';
import type { ItemPointer } from '../item';
import {
  batchPartition,
  positionRow,
  type DeliveryResult,
  type Outcome,
  type Quarantined,
} from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';
import type { Delivered } from './deliver';

/** What became of an item, as far as it is known. */
export interface ItemResult extends KnownOfItem {
  itemKey?: string;
  /** A device event is never imported. */
  isDeviceEvent?: true;
  /** The reason of its first failed delivery when absent. */
  reason?: Reason;
  deliveries: Delivered[];
  /** For the person who looks into the quarantine: what exactly was wrong, without anything from the item. */
  detail?: string;
  /** The parties as the source names them, and how each was mapped. */
  participants?: Quarantined['participants'];
}

/**
 * A table row holds 1 MiB, counted in UTF-16. Cap fields that an outsider controls well below that, or the insert fails
 * for good and the item is recorded nowhere.
 */
const maxSourceIdLength = 1000;
const maxWrittenLength = 300;
const maxParticipantsLength = 150_000;

/** Whether the item has an outcome and was not put back on the queue since. */
export const hasOutcome = (outcome: Stored<Outcome> | undefined): boolean =>
  outcome !== undefined && outcome.value.redrivenAt === undefined;

/**
 * Records the outcome of an item, once: the first outcome of a position stays, and so does the first one after a
 * redrive (`before`, as it was read when the attempt began). An item with a reason is put into quarantine before its
 * outcome says so, so that a crash between the two writes leaves no item with a reason outside the quarantine.
 */
export async function recordOutcome(
  deps: Pick<Deps, 'outcomes' | 'quarantine' | 'now'>,
  pointer: ItemPointer,
  before: Stored<Outcome> | undefined,
  { isDeviceEvent, detail, participants, deliveries: results, ...known }: ItemResult,
): Promise<void> {
  const { connector, batch, position, blob, offset, length } = pointer;
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const now = results.map(({ inDoubtSince: _inDoubtSince, ...result }) => result);
  const deliveries = withFormer(now, before?.value.deliveries ?? []);
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const reason = known.reason ?? failed[0]?.reason;
  const delivered = failed.length < deliveries.length;
  const inDoubtSince = latest([...results.map((one) => one.inDoubtSince), before?.value.unsureAt]);
  const outcome: Outcome = {
    v: 1,
    ...known,
    kind: isDeviceEvent ? 'event' : delivered ? 'delivered' : 'failed',
    settledAt: new Date(deps.now()).toISOString(),
    expected: deliveries.length,
    deliveries,
    ...(reason ? { reason } : {}),
    ...(inDoubtSince ? { unsureAt: inDoubtSince } : {}),
    ...(known.sourceId === undefined
      ? {}
      : { sourceId: cutTo(maxSourceIdLength, acceptable(known.sourceId)) }),
  };
  if (reason) {
    const quarantined: Quarantined = {
      v: 1,
      connector,
      batch,
      position,
      blob,
      offset,
      length,
      reason,
      detail: detail ?? describeFailures(outcome),
      ...(participants ? { participants: bounded(participants) } : {}),
      ...(outcome.sourceId === undefined ? {} : { sourceId: outcome.sourceId }),
      at: outcome.settledAt,
      deliveries,
    };
    if (before) await deps.quarantine.put(partition, row, quarantined);
    else await deps.quarantine.insert(partition, row, quarantined);
  }
  const written = before
    ? await deps.outcomes.replace(partition, row, outcome, before.etag)
    : await deps.outcomes.insert(partition, row, outcome);
  if (written || !reason) return;
  // Another worker was first, and the item ended well there. Its batch may be closed, so that nobody else cleans up.
  const recorded = await deps.outcomes.get(partition, row);
  if (recorded && recorded.value.reason === undefined) await deps.quarantine.remove(partition, row);
}

/** The latest of some instants in ISO-8601 UTC. */
const latest = (instants: readonly (string | undefined)[]): string | undefined =>
  instants
    .flatMap((at) => at ?? [])
    .toSorted()
    .at(-1);

/** Keeps what was delivered before a redrive, whatever the mapping or the mailbox says now. */
function withFormer(now: readonly DeliveryResult[], former: readonly DeliveryResult[]): DeliveryResult[] {
  const kept = new Map(former.filter(({ end }) => end !== 'failed').map((one) => [one.userId, one]));
  const merged = now.map((one) => kept.get(one.userId) ?? one);
  for (const { userId } of now) kept.delete(userId);
  return [...merged, ...kept.values()];
}

/** As many participants from the front as a row has room for. */
function bounded(participants: NonNullable<Quarantined['participants']>): typeof participants {
  const kept: typeof participants = [];
  let length = 0;
  for (const { asWritten, kind } of participants) {
    const one = { asWritten: cutTo(maxWrittenLength, acceptable(asWritten)), kind };
    length += JSON.stringify(one).length;
    if (length > maxParticipantsLength) break;
    kept.push(one);
  }
  return kept;
}

function describeFailures({ deliveries, reason }: Outcome): string {
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const kinds = [...new Set(failed.map((one) => one.reason ?? reason!))];
  return `${failed.length} of ${deliveries.length} deliveries failed. ${kinds.map((kind) => reasons[kind]).join(' ')}`;
}
