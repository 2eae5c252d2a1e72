import type { Deps } from '../deps';
import { acceptable, cutTo } from '../email/safe-text';
import { reasons } from '../errors';
import type { ItemPointer } from '../item';
import { batchPartition, positionRow, type Outcome, type Quarantined } from '../storage/outcomes';

/** How an item ended, as far as it is known. */
export type Ended = Omit<Outcome, 'v' | 'settledAt'>;

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

/**
 * Writes how an item ended, once: the first outcome of a position stays. An item with a reason stands in
 * quarantine, before its outcome says so: a crash between the two leaves nothing that is missing there.
 */
export async function settleItem(
  deps: Pick<Deps, 'outcomes' | 'quarantine' | 'now'>,
  pointer: ItemPointer,
  ended: Ended,
  { detail, participants }: About = {},
): Promise<void> {
  const { connector, batch, position, blob, offset, length } = pointer;
  const partition = batchPartition(connector, batch);
  const row = positionRow(position);
  const settledAt = new Date(deps.now()).toISOString();
  const { sourceId: fullId, ...known } = ended;
  const sourceId = fullId === undefined ? {} : { sourceId: cutTo(maxSourceIdLength, acceptable(fullId)) };
  if (ended.reason)
    await deps.quarantine.insert(partition, row, {
      v: 1,
      connector,
      batch,
      position,
      blob,
      offset,
      length,
      reason: ended.reason,
      detail: detail ?? describeFailures(ended),
      ...(participants ? { participants: bounded(participants) } : {}),
      ...sourceId,
      at: settledAt,
      deliveries: ended.deliveries,
    });
  await deps.outcomes.insert(partition, row, { v: 1, settledAt, ...known, ...sourceId });
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

function describeFailures({ deliveries, reason }: Ended): string {
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const kinds = [...new Set(failed.map((one) => one.reason ?? reason!))];
  return `${failed.length} of ${deliveries.length} deliveries failed. ${kinds.map((kind) => reasons[kind]).join(' ')}`;
}
