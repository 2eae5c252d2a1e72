import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { acceptable, cutTo } from '../email/safe-text';
import { reasons, type KnownOfItem, type Reason } from '../errors';
import type { ItemPointer } from '../item';
import {
  batchPartition,
  hasOutcome,
  positionRow,
  type DeliveryResult,
  type Outcome,
  type Quarantined,
} from '../storage/outcomes';
import { needTime } from '../time-budget';
import { endOf, waitForRivals, type Attempt } from './attempts';
import type { Delivered } from './deliver';
import { deliveriesInLedger } from './deliveries-in-ledger';
import { noteSettled } from './overlap';
import { enterQuarantine, entryRow, leaveQuarantine } from './quarantine-entry';

type Stage = Pick<Deps, 'outcomes' | 'quarantine' | 'quarantineEntries' | 'ledger' | 'tails' | 'now'>;

/** What became of an item, as far as it is known. */
export interface ItemResult extends KnownOfItem {
  itemKey?: string;
  /** A device event is never imported. */
  isDeviceEvent?: true;
  /** An earlier window has settled the item. */
  isRepeated?: true;
  /** When it arrived, ISO-8601 UTC; absent if it cannot be read. */
  arrivedAt?: string;
  /** The reason of its first failed delivery when absent. */
  reason?: Reason;
  /** The participants of the organisation without a delivery, by user id where it is known. */
  unreached?: (string | undefined)[];
  /** Why they have none; the reason of the item if nothing else failed. */
  reasonOfUnreached?: Reason | undefined;
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

/**
 * Records the outcome of an item, once: the first outcome of a position stays, and so does the first one after a
 * redrive. An item with a reason is put into quarantine before its outcome says so, so that a crash between the two
 * writes leaves no item with a reason outside the quarantine.
 *
 * The mapping, a limit or the directory may have changed since an earlier attempt: what that attempt delivered, or may
 * have delivered, is part of the outcome all the same.
 *
 * @throws Error when the attempt has outlasted its function
 * @throws PutOffError while another attempt may still deliver to users whom this one does not know of
 */
export async function recordOutcome(
  deps: Stage,
  pointer: ItemPointer,
  attempt: Attempt | Pick<Attempt, 'row'>,
  result: ItemResult,
): Promise<void> {
  const partition = batchPartition(pointer.connector, pointer.batch);
  const before = attempt.row;
  for (let known = before; ;) {
    if ('number' in attempt) {
      needTime(deps, endOf(attempt));
      waitForRivals(deps, attempt, known.value.attempts);
    }
    const outcome = await outcomeOf(deps, pointer, known.value, result);
    if (outcome.reason) await quarantine(deps, pointer, known.value, result, outcome);
    if (!result.isRepeated) await noteSettled(deps, pointer, { ...outcome, arrivedAt: result.arrivedAt });
    if (await deps.outcomes.replace(partition, known.row, outcome, known.etag)) return;
    const recorded = await deps.outcomes.get(partition, known.row);
    if (!recorded) throw new Error('The row of an item vanished');
    if (hasOutcome(recorded) || recorded.value.redrivenAt !== before.value.redrivenAt) {
      // Another worker was first, and the item ended well there. Its batch may be closed, so that nobody else cleans up.
      const endedWell = outcome.reason !== undefined && recorded.value.reason === undefined;
      if (endedWell) await takeOut(deps, { ...pointer, item: entryRow(outcome, pointer) });
      return;
    }
    known = recorded;
  }
}

async function outcomeOf(
  deps: Stage,
  pointer: ItemPointer,
  former: Outcome,
  result: ItemResult,
): Promise<Outcome> {
  const { isDeviceEvent, isRepeated, deliveries: results, ...known } = result;
  const itemKey = known.itemKey ?? former.attempts?.itemKey;
  const all = itemKey ? withMade(results, await madeBefore(deps, pointer, former, itemKey)) : results;
  const now = all.map(({ inDoubtSince: _inDoubtSince, ...result }) => result);
  const deliveries = withFormer(now, former.deliveries);
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const reached = new Set(deliveries.map(({ userId }) => userId));
  const unreached = known.unreached?.filter((userId) => !userId || !reached.has(userId)).length ?? 0;
  const reason = known.reason ?? failed[0]?.reason ?? (unreached > 0 ? known.reasonOfUnreached : undefined);
  const delivered = failed.length < deliveries.length;
  // What an earlier attempt of this position delivered counts here, whatever another window has settled meanwhile.
  const countsNowhere = isRepeated && deliveries.length === 0;
  const inDoubtSince = latest([...all.map((one) => one.inDoubtSince), former.unsureAt]);
  return {
    v: 1,
    ...(itemKey === undefined ? {} : { itemKey }),
    ...(known.sha256 === undefined ? {} : { sha256: known.sha256 }),
    ...(known.arrivedAt === undefined ? {} : { arrivedAt: known.arrivedAt }),
    blob: pointer.blob,
    offset: pointer.offset,
    length: pointer.length,
    kind: countsNowhere ? 'repeated' : isDeviceEvent ? 'event' : delivered ? 'delivered' : 'failed',
    settledAt: new Date(deps.now()).toISOString(),
    expected: deliveries.length + unreached,
    deliveries,
    ...(unreached > 0 ? { unreached } : {}),
    ...(reason ? { reason } : {}),
    ...(inDoubtSince ? { unsureAt: inDoubtSince } : {}),
    ...(known.sourceId === undefined
      ? {}
      : { sourceId: cutTo(maxSourceIdLength, acceptable(known.sourceId)) }),
  };
}

async function quarantine(
  deps: Stage,
  { connector, batch, position, blob, offset, length }: ItemPointer,
  former: Outcome,
  { detail, participants }: ItemResult,
  outcome: Outcome,
): Promise<void> {
  const partition = batchPartition(connector, batch);
  const item = entryRow(outcome, { batch, position });
  const quarantined: Quarantined & { item: string } = {
    v: 1,
    item,
    connector,
    batch,
    position,
    blob,
    offset,
    length,
    reason: outcome.reason!,
    detail: detail ?? describeFailures(outcome),
    ...(participants ? { participants: bounded(participants) } : {}),
    ...(outcome.sourceId === undefined ? {} : { sourceId: outcome.sourceId }),
    at: outcome.settledAt,
    deliveries: outcome.deliveries,
  };
  const row = positionRow(position);
  // An item that can be read now, and could not before, has another identity.
  const before = former.redrivenAt === undefined ? item : entryRow(former, { batch, position });
  if (before !== item) await leaveQuarantine(deps, { item: before, connector, batch, position });
  if (former.redrivenAt === undefined) await deps.quarantine.insert(partition, row, quarantined);
  else await deps.quarantine.put(partition, row, quarantined);
  await enterQuarantine(deps, quarantined);
}

/** Takes an item out of quarantine: its entry first, because a crash in between must leave something to take out. */
export async function takeOut(
  deps: Pick<Deps, 'quarantine' | 'quarantineEntries'>,
  quarantined: Pick<Quarantined, 'item' | 'connector' | 'batch' | 'position'>,
): Promise<void> {
  const { connector, batch, position } = quarantined;
  await leaveQuarantine(deps, quarantined);
  await deps.quarantine.remove(batchPartition(connector as ConnectorId, batch), positionRow(position));
}

/** What earlier attempts of this item made or may have made; the ledger is not asked if there was none. */
async function madeBefore(
  deps: Stage,
  pointer: ItemPointer,
  { attempts }: Outcome,
  itemKey: string,
): Promise<Delivered[]> {
  if ((attempts?.begun ?? 0) < 2 && pointer.putOff === undefined) return [];
  const found = await deliveriesInLedger(deps, pointer, itemKey);
  return found.filter(({ end, inDoubtSince }) => end !== 'skipped' && (end !== 'failed' || inDoubtSince));
}

/** The deliveries of this attempt and of earlier ones. What the ledger has as done is done, whatever this one met. */
function withMade(results: readonly Delivered[], made: readonly Delivered[]): Delivered[] {
  const byUser = new Map(made.map((one) => [one.userId, one]));
  const merged = results.map((one): Delivered => {
    const before = byUser.get(one.userId);
    byUser.delete(one.userId);
    if (!before || one.end !== 'failed') return one;
    if (before.end !== 'failed') return before;
    const inDoubtSince = latest([one.inDoubtSince, before.inDoubtSince]);
    return { ...one, ...(inDoubtSince ? { inDoubtSince } : {}) };
  });
  return [...merged, ...byUser.values()];
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

function describeFailures({ deliveries, unreached, expected, reason }: Outcome): string {
  const failed = deliveries.filter(({ end }) => end === 'failed');
  const kinds = [...new Set([reason!, ...failed.map((one) => one.reason ?? reason!)])];
  const texts = kinds.map((kind) => reasons[kind]).join(' ');
  const without = unreached ? ` ${unreached} participants of the organisation have no usable mailbox.` : '';
  return `${failed.length} of ${expected} deliveries failed.${without} ${texts}`;
}
