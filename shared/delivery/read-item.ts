import { createHash } from 'node:crypto';
import type { Deps } from '../deps';
import { PermanentError, type KnownOfItem } from '../errors';
import { isStored } from '../email/content';
import type { Attachment } from '../email/email';
import { itemKeyOfStored } from '../email/item-key';
import type { ItemPointer, Provenance } from '../item';
import { contentOf, outlineOf } from '../reading/outline';
import type { ReadLine } from '../reading/read-line';
import { SealedError } from '../telemessage/sealed';
import { idAtStart, searchedBytes } from '../reading/source-id';

/** An archived item, read: a device event, or a communication in the hub model. */
export type ReadItem = ReadLine & { known: Required<KnownOfItem>; provenance: Provenance };

/** Thrown for an item that has to be in memory as a whole, by who may not hold it. */
export class WholeItemError extends Error {
  override readonly name = 'WholeItemError';
  constructor() {
    super('The item has to be read as a whole');
  }
}

/** Files of a longer line stay in the raw batch. */
const longLineBytes = 1024 * 1024;
/** Bytes in memory while an item with files in the raw batch is read and delivered: its outline, and a slice of a file. */
const memoryOfOutline = 24 * 1024 * 1024;
/** JSON text, its decoded attachments and the request made of them are in memory at the same time. */
const memoryPerLineByte = 4;

/** How much memory an item takes (bytes), if its large files stay in the raw batch, and if it is read as a whole. */
export function memoryFor({ length }: Pick<ItemPointer, 'length'>): { outline: number; whole: number } {
  const whole = length * memoryPerLineByte;
  return { outline: length > longLineBytes ? Math.min(whole, memoryOfOutline) : whole, whole };
}

/** What the first bytes of an item say of it, without reading it. */
export async function startOfItem(
  { batches }: Pick<Deps, 'batches'>,
  { blob, offset, length }: ItemPointer,
): Promise<KnownOfItem> {
  return idAtStart(await batches.readRange(blob, offset, Math.min(length, searchedBytes)));
}

/**
 * Reads the item that a pointer names. Large files of it stay in the raw batch, if its form allows that.
 *
 * @param mayHold whether the item may be read as a whole where its form demands it
 * @throws WholeItemError when it may not
 * @throws DeploymentError or PutOffError when the key of an encrypted item cannot be asked for
 * @throws PermanentError `unreadable` or `encrypted`, with what is known of the item; its message says what was expected and where,
 *   never what was found
 */
export async function readItem(
  deps: Pick<Deps, 'batches' | 'config' | 'itemReader' | 'dataKeys'>,
  pointer: ItemPointer,
  mayHold: 'outline' | 'whole' = 'whole',
): Promise<ReadItem> {
  const { connector, blob, offset, length } = pointer;
  if (length > deps.config.import.lineMaxBytes) {
    const problem = `The line has ${length} bytes, more than LINE_MAX_MB allows`;
    throw new PermanentError('unreadable', problem, { known: await startOfItem(deps, pointer) });
  }
  if (length > longLineBytes) {
    const item = await readOutline(deps, pointer);
    if (item) return item;
    if (mayHold === 'outline') throw new WholeItemError();
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
    return withProvenance(pointer, item, sha256);
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    const known = { ...idAtStart(start), ...error.known, sha256 };
    throw new PermanentError(error.reason, error.message, { cause: error, known });
  }
}

function withProvenance(
  { connector, batch, position }: ItemPointer,
  item: ReadLine,
  sha256: string,
): ReadItem {
  const known = { sourceId: item.sourceId, sha256 };
  return { ...item, known, provenance: { connector, batch, position, ...known, receivedAt: item.arrivedAt } };
}

/** The item with its large files in the raw batch; undefined if it has to be read as a whole. */
async function readOutline(
  { batches, itemReader }: Pick<Deps, 'batches' | 'itemReader'>,
  pointer: ItemPointer,
): Promise<ReadItem | undefined> {
  const { connector, blob, offset, length } = pointer;
  const outline = await outlineOf(batches.streamRange(blob, offset, length));
  if (!outline) return undefined;
  const { cuts, sha256 } = outline;
  // Whatever is wrong with it is said of the item itself.
  const item = await itemReader.read(outline.line, connector).catch((error: unknown) => {
    if (error instanceof PermanentError) return undefined;
    throw error;
  });
  if (!item) return undefined;
  if (item.kind === 'deviceEvent')
    return cuts.length === 0 ? withProvenance(pointer, item, sha256) : undefined;
  let stored = 0;
  const attachments = item.email.attachments.map((file): Attachment => {
    const cut = cuts.find(({ token }) => !isStored(file.content) && token.equals(file.content));
    if (!cut) return file;
    stored++;
    const read = () => contentOf(cut, batches.streamRange(blob, offset + cut.start, cut.span));
    return { ...file, content: { length: cut.length, sha256: cut.sha256, read } };
  });
  // A token that is no file's whole content was cut out where no file is.
  if (stored !== cuts.length) return undefined;
  const email = { ...item.email, attachments };
  const itemKey = stored > 0 ? await itemKeyOfStored(connector, item.sourceId, email) : item.itemKey;
  return withProvenance(pointer, { ...item, email, itemKey }, sha256);
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
