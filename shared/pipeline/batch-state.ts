import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchRow, type BatchState } from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';

type Stage = Pick<Deps, 'batchStates'>;
type Batch = Pick<Manifest, 'connector' | 'number' | 'run'>;
type Known = Stored<BatchState> | undefined;

/** Undefined when the row was changed since it was read. */
const write = ({ batchStates }: Stage, { connector, number }: Batch, known: Known, value: BatchState) =>
  known
    ? batchStates.replace(connector, known.row, value, known.etag)
    : batchStates.insert(connector, batchRow(number), value);
const valueOf = ({ run }: Batch, known: Known): BatchState => known?.value ?? { v: 1, runName: run.name };

/**
 * Changes what is known of a batch. What other workers wrote meanwhile stays: a splitter that froze and wakes after
 * the batch was closed must not undo its counters.
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
 * Closes a batch with its counters, unless it was changed since `known` was read: an item of it may have been
 * redriven after it was counted.
 */
export async function closeBatch(
  deps: Stage,
  batch: Batch,
  known: Known,
  closing: Required<Pick<BatchState, 'closedAt' | 'counters'>>,
): Promise<boolean> {
  if (await write(deps, batch, known, { ...valueOf(batch, known), ...closing })) return true;
  // The storage client repeats a write whose answer was lost, and then sees the second answer alone.
  const stored = await deps.batchStates.get(batch.connector, batchRow(batch.number));
  return stored?.value.closedAt === closing.closedAt;
}

/**
 * Opens a batch again, so that it is counted once more; false when it was changed since `known` was read. Always a
 * write: whoever has counted the batch and is about to close it must notice.
 */
export async function reopenBatch(deps: Stage, batch: Batch, known: Known): Promise<boolean> {
  const { closedAt: _closedAt, counters: _counters, ...state } = valueOf(batch, known);
  return (await write(deps, batch, known, state)) !== undefined;
}

/**
 * True when a batch that was found closed is so still. A write of what stands there: a redrive that looked at the
 * batch before, and is about to open it, must notice that it was passed by.
 */
export const passClosed = async (
  { batchStates }: Stage,
  connector: ConnectorId,
  { row, value, etag }: Stored<BatchState>,
): Promise<boolean> => (await batchStates.replace(connector, row, value, etag)) !== undefined;
