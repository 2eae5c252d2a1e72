import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { PermanentError, type KnownOfItem } from '../errors';
import type { ItemPointer, Provenance } from '../item';
import type { ReadLine } from '../reading/read-line';
import { SealedError } from '../telemessage/sealed';
import { idAtStart, searchedBytes } from '../reading/source-id';

/** An archived item, read: a device event, or a communication in the hub model. */
export type ReadItem = ReadLine & { known: Required<KnownOfItem>; provenance: Provenance };

/** What the first bytes of an item say of it, without reading it. */
export async function startOfItem(
  { batches }: Pick<Deps, 'batches'>,
  { blob, offset, length }: ItemPointer,
): Promise<KnownOfItem> {
  return idAtStart(await batches.readRange(blob, offset, Math.min(length, searchedBytes)));
}

/**
 * Reads the item that a pointer names.
 *
 * @throws DeploymentError or PutOffError when the key of an encrypted item cannot be asked for
 * @throws PermanentError `unreadable` or `encrypted`, with what is known of the item; its message says what was expected and where,
 *   never what was found
 */
export async function readItem(
  deps: Pick<Deps, 'batches' | 'config' | 'itemReader' | 'dataKeys'>,
  pointer: ItemPointer,
): Promise<ReadItem> {
  const { connector, batch, position, blob, offset, length } = pointer;
  if (length > deps.config.import.lineMaxBytes) {
    const problem = `The line has ${length} bytes, more than LINE_MAX_MB allows`;
    throw new PermanentError('unreadable', problem, { known: await startOfItem(deps, pointer) });
  }
  const line = await deps.batches.readRange(blob, offset, length);
  const sha256 = createHash('sha256').update(line).digest('hex');
  // The line itself moves to the thread.
  const start = Buffer.from(line.subarray(0, searchedBytes));
  try {
    const item = await deps.itemReader.read(line, connector).catch(async (error: unknown) => {
      if (!(error instanceof SealedError) || !deps.dataKeys) throw error;
      const opening = await deps.dataKeys.open(error.sealed).catch((failure: unknown) => {
        if (!(failure instanceof PermanentError)) throw failure;
        throw new PermanentError(failure.reason, failure.message, { cause: failure, known: error.known });
      });
      return deps.itemReader.read(await deps.batches.readRange(blob, offset, length), connector, opening);
    });
    const known = { sourceId: item.sourceId, sha256 };
    const provenance = { connector, batch, position, ...known, receivedAt: item.arrivedAt };
    return { ...item, known, provenance };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const known = { ...idAtStart(start), ...error.known, sha256 };
    throw new PermanentError(error.reason, error.message, { cause: error, known });
  }
}

/** The item, or undefined if it is not readable; what another attempt may cure is thrown. */
export async function readIfReadable(
  deps: Parameters<typeof readItem>[0],
  pointer: ItemPointer,
): Promise<ReadItem | undefined> {
  try {
    return await readItem(deps, pointer);
  } catch (error) {
    if (error instanceof PermanentError) return undefined;
    throw error;
  }
}
