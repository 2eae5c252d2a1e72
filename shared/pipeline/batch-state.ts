import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchRow, type BatchState } from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';

type Stage = Pick<Deps, 'batchStates'>;
type Batch = Pick<Manifest, 'connector' | 'number' | 'run'>;
type Known = Stored<BatchState> | undefined;

/** Returns undefined when the row changed since it was read. */
const write = ({ batchStates }: Stage, { connector, number }: Batch, known: Known, value: BatchState) =>
  known
    ? batchStates.replace(connector, known.row, value, known.etag)
    : batchStates.insert(connector, batchRow(number), value);
const valueOf = ({ run }: Batch, known: Known): BatchState => known?.value ?? { v: 1, runName: run.name };

/**
 * Changes the state of a batch and keeps what other workers wrote meanwhile: a splitter that froze and wakes up after
 * the batch was closed must not erase its counters.
 */
export async function changeBatch(
  deps: Stage,
  batch: Batch,
  change: (state: BatchState) => BatchState,
): Promise<void> {
  let known: Known;
  do known = await deps.batchStates.get(batch.connector, batchRow(batch.number));
  while (!(await write(deps, batch, known, change(valueOf(batch, known)))));
}

/**
 * Closes a batch with its counters, unless its state changed since `known` was read: one of its items may have been
 * redriven after the count.
 */
export async function closeBatch(
  deps: Stage,
  batch: Batch,
  known: Known,
  closing: Required<Pick<BatchState, 'closedAt' | 'counters' | 'fresh' | 'manifestSha256'>>,
): Promise<boolean> {
  return (await write(deps, batch, known, { ...valueOf(batch, known), ...closing })) !== undefined;
}

/**
 * Opens a batch again, so that it is counted once more; false when its state changed since `known` was read. Writes
 * even if the batch is open, so that the conditional write of a reconciler that is about to close it fails.
 */
export async function reopenBatch(deps: Stage, batch: Batch, known: Known): Promise<boolean> {
  const {
    closedAt: _closedAt,
    counters: _counters,
    fresh: _fresh,
    toldAt: _toldAt,
    ...state
  } = valueOf(batch, known);
  return (await write(deps, batch, known, state)) !== undefined;
}

/** Writes down that the closing was reported; false when the batch was opened again meanwhile. */
export async function markTold(
  { batchStates }: Stage,
  connector: ConnectorId,
  batch: number,
  { closedAt, ...telling }: Required<Pick<BatchState, 'closedAt' | 'toldAt' | 'told'>>,
): Promise<boolean> {
  const row = batchRow(batch);
  for (;;) {
    const known = await batchStates.get(connector, row);
    if (known?.value.closedAt === undefined || known.value.closedAt !== closedAt) return false;
    if (await batchStates.replace(connector, row, { ...known.value, ...telling }, known.etag)) return true;
  }
}

/**
 * Whether a batch that was found closed is still closed. Rewrites the row unchanged to move its ETag, so that the
 * conditional write of a concurrent redrive fails.
 */
export const passClosed = async (
  { batchStates }: Stage,
  connector: ConnectorId,
  { row, value, etag }: Stored<BatchState>,
): Promise<boolean> => (await batchStates.replace(connector, row, value, etag)) !== undefined;
