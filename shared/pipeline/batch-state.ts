import type { Deps } from '../deps';
import type { Manifest } from '../storage/manifest';
import { batchRow, type BatchState } from '../storage/outcomes';

/**
 * Adds to what is known of a batch. What other workers wrote meanwhile stays: a splitter that froze and wakes after
 * the batch was closed must not undo its counters.
 */
export async function noteBatch(
  deps: Pick<Deps, 'batchStates'>,
  { connector, number, run }: Manifest,
  change: Partial<BatchState>,
): Promise<void> {
  const row = batchRow(number);
  for (;;) {
    const known = await deps.batchStates.get(connector, row);
    const value: BatchState = { v: 1, runName: run.name, ...known?.value, ...change };
    const written = known
      ? await deps.batchStates.replace(connector, row, value, known.etag)
      : await deps.batchStates.insert(connector, row, value);
    if (written) return;
  }
}
