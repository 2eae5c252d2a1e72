import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchRow, type BatchState } from '../storage/outcomes';
import type { Stored } from '../storage/rows.client';

type Stage = Pick<Deps, 'batchStates'>;

/**
 * Changes what is known of a batch. What other workers wrote meanwhile stays: a splitter that froze and wakes after
 * the batch was closed must not undo its counters.
 */
export async function changeBatch(
  deps: Stage,
  { connector, number, run }: Manifest,
  change: (state: BatchState) => BatchState,
): Promise<void> {
  const row = batchRow(number);
  for (;;) {
    const known = await deps.batchStates.get(connector, row);
    const value = change(known?.value ?? { v: 1, runName: run.name });
    const written = known
      ? await deps.batchStates.replace(connector, row, value, known.etag)
      : await deps.batchStates.insert(connector, row, value);
    if (written) return;
  }
}

/**
 * Closes a batch with its counters, unless it was changed since `known` was read: an item of it may have been
 * redriven after it was counted.
 */
export async function closeBatch(
  deps: Stage,
  { connector, number, run }: Manifest,
  known: Stored<BatchState> | undefined,
  closing: Required<Pick<BatchState, 'closedAt' | 'counters'>>,
): Promise<boolean> {
  const row = batchRow(number);
  const value: BatchState = { v: 1, runName: run.name, ...known?.value, ...closing };
  const written = known
    ? await deps.batchStates.replace(connector, row, value, known.etag)
    : await deps.batchStates.insert(connector, row, value);
  if (written) return true;
  // The storage client repeats a write whose answer was lost, and then sees the second answer alone.
  const stored = await deps.batchStates.get(connector, row);
  return stored?.value.closedAt === closing.closedAt;
}

/** Opens a batch again, so that it is counted once more; false when it was changed since `known` was read. */
export async function reopenBatch(
  deps: Stage,
  { connector, number, run }: Manifest,
  known: Stored<BatchState> | undefined,
): Promise<boolean> {
  const row = batchRow(number);
  const { closedAt: _closedAt, counters: _counters, ...state } = known?.value ?? { v: 1, runName: run.name };
  // Always a write: whoever has counted the batch and is about to close it must notice.
  const written = known
    ? await deps.batchStates.replace(connector, row, state, known.etag)
    : await deps.batchStates.insert(connector, row, state);
  return written !== undefined;
}

/**
 * True when a batch that was found closed is so still. A write of what stands there: a redrive that looked at the
 * batch before, and is about to open it, must notice that it was passed by.
 */
export const passClosed = async (
  deps: Stage,
  connector: ConnectorId,
  { row, value, etag }: Stored<BatchState>,
): Promise<boolean> => (await deps.batchStates.replace(connector, row, value, etag)) !== undefined;
