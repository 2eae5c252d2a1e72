import type { Deps } from '../deps';
import { acceptable, cutTo } from '../email/safe-text';
import { reasons } from '../errors';
import type { ItemPointer } from '../item';
import {
  batchPartition,
  positionRow,
  type DeliveryEnd,
  type Outcome,
  type Quarantined,
} from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';

/** How an item ended, as far as it is known. Without a reason of its own it has that of its first failed delivery. */
export interface Ended extends Pick<
  Outcome,
  'sourceId' | 'itemKey' | 'sha256' | 'reason' | 'unsureAt' | 'deliveries'
> {
  isEvent?: true;
}

/** For the person who looks into the quarantine. */
export interface About {
  /** What exactly was wrong; nothing of the item's content. */
  detail?: string;
  /** The parties as the source names them, with what became of each. */
  participants?: Quarantined['participants'];
}

/**
 * A table row holds 1 MiB, counted in UTF-16. What a stranger can make as long as he likes is bounded well below
 * that: a row that is refused again and again would be an item that stands nowhere.
 */
const maxSourceIdLength = 1000;
const maxWrittenLength = 300;
const maxParticipantsLength = 150_000;

/** The outcome of an item that has ended and was not put back on the queue since. */
export const isSettled = (outcome: Stored<Outcome> | undefined): boolean =>
  outcome !== undefined && outcome.value.redrivenAt === undefined;

/**
 * Writes how an item ended, once: the first outcome of a position stays, and so does the first one after a redrive
 * (`before`, as it was read when the attempt began). An item with a reason stands in quarantine before its outcome
 * says so: a crash between the two leaves nothing that is missing there.
 */
export async function settleItem(
  deps: Pick<Deps, 'outcomes' | 'quarantine' | 'now'>,
  pointer: ItemPointer,
  before: Stored<Outcome> | undefined,
  { isEvent, ...ended }: Ended,
  { detail, participants }: About = {},
): Promise<void> {
  const { connector, batch, position, blob, offset, length } = pointer;
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const deliveries = withFormer(ended.deliveries, before?.value.deliveries ?? []);
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const reason = ended.reason ?? failed[0]?.reason;
  const delivered = failed.length < deliveries.length;
  const unsureAt = latest(ended.unsureAt, before?.value.unsureAt);
  const outcome: Outcome = {
    v: 1,
    ...ended,
    kind: isEvent ? 'event' : delivered ? 'delivered' : 'failed',
    settledAt: new Date(deps.now()).toISOString(),
    expected: deliveries.length,
    deliveries,
    ...(reason ? { reason } : {}),
    ...(unsureAt ? { unsureAt } : {}),
    ...(ended.sourceId === undefined
      ? {}
      : { sourceId: cutTo(maxSourceIdLength, acceptable(ended.sourceId)) }),
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
  // The item ended well at a worker that was first; its batch may be closed by now, so nobody else looks here again.
  const standing = await deps.outcomes.get(partition, row);
  if (standing && standing.value.reason === undefined) await deps.quarantine.remove(partition, row);
}

/** The latest of some instants in ISO-8601 UTC. */
export const latest = (...instants: (string | undefined)[]): string | undefined =>
  instants
    .flatMap((at) => at ?? [])
    .toSorted()
    .at(-1);

/** What was delivered before a redrive stays so, whatever the mapping or the mailbox says by now. */
function withFormer(now: readonly DeliveryEnd[], former: readonly DeliveryEnd[]): DeliveryEnd[] {
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
