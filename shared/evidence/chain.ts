import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import { manifestPrefix, manifestSuffix } from '../names';
import {
  manifestBlob,
  sha256,
  storedManifest,
  type Manifest,
  type StoredManifest,
} from '../storage/manifest';
import { batchRow } from '../storage/outcomes';
import type { Report } from './finding';

type Stage = Pick<Deps, 'batches' | 'batchStates' | 'runs'>;

/** Manifests are small: reading some ahead hides the latency of the storage service. */
const readAhead = 16;

/** A place in the chain: undefined where the manifest is missing or unreadable. */
interface Link {
  number: number;
  bytes: Buffer | undefined;
  sha256: string;
  manifest: Manifest | undefined;
  /** The hash that the batch's row keeps since it closed. */
  witness: string | undefined;
}

/**
 * Walks the chain of a connector from its first manifest to its last, and gives each that can be read. A broken link is
 * reported at the manifest at fault, as far as its neighbours prove which one that is; the walk goes on behind it.
 *
 * A manifest has two witnesses: the next manifest carries its hash, and so does the row of its batch once it is closed.
 */
export async function* walkChain(
  deps: Stage,
  connector: ConnectorId,
  report: Report,
): AsyncGenerator<StoredManifest> {
  const last = await lastNumber(deps, connector, report);
  // What was removed when its retention was over is no finding.
  const expired = await deps.runs.expiredThrough(connector);
  let before: Link | undefined;
  for await (const [link, next] of withNext(links(deps, connector, expired + 1, last))) {
    const { number, manifest } = link;
    const at = { connector, batch: number, blob: manifestBlob(connector, number) };
    const blame = (detail: string) => report({ kind: 'manifestAltered', ...at, detail });
    const nextSays = next?.manifest?.previousSha256;
    if (!link.bytes)
      report({
        kind: 'manifestMissing',
        ...at,
        detail: nextSays ? `expected a manifest with the hash ${nextSays}` : 'expected a manifest',
      });
    else if (!manifest) blame('expected JSON of a manifest that this release knows');
    else if (manifest.number !== number || manifest.connector !== connector)
      blame(`it calls itself number ${manifest.number} of ${manifest.connector}`);
    else if (link.witness !== undefined && link.witness !== link.sha256)
      blame(`expected the hash ${link.witness}, which the row of its batch keeps; found ${link.sha256}`);
    else if (isDenied(link, next))
      blame(`expected the hash ${nextSays}, which number ${number + 1} carries; found ${link.sha256}`);
    if (manifest && !isLinked(before, link) && !isDenied(before, link))
      report({
        kind: 'linkBroken',
        ...at,
        detail: `expected the hash ${before?.sha256 ?? 'of none'} of number ${number - 1}; found ${manifest.previousSha256 ?? 'none'}`,
      });
    before = link;
    if (manifest && manifest.number === number && manifest.connector === connector)
      yield { manifest, sha256: link.sha256 };
  }
}

/** Whether the link carries the hash of the one before it, or nobody can tell. */
function isLinked(before: Link | undefined, { number, manifest }: Link): boolean {
  if (number === 1) return manifest?.previousSha256 === null;
  return before?.bytes === undefined || before.sha256 === manifest?.previousSha256;
}

/**
 * Whether the next link proves that this one was altered: it carries another hash, and is itself as it was committed.
 * Without a witness for either, nobody can tell which of the two was altered.
 */
function isDenied(link: Link | undefined, next: Link | undefined): boolean {
  if (!link?.bytes || !next?.manifest || link.sha256 === next.manifest.previousSha256) return false;
  if (link.witness === link.sha256) return false;
  return next.witness === next.sha256;
}

async function* links(
  deps: Stage,
  connector: ConnectorId,
  first: number,
  last: number,
): AsyncGenerator<Link> {
  const read = async (number: number): Promise<Link> => {
    const [bytes, state] = await Promise.all([
      deps.batches.readBlob(manifestBlob(connector, number)),
      deps.batchStates.get(connector, batchRow(number)),
    ]);
    return {
      number,
      bytes,
      sha256: bytes ? sha256(bytes) : '',
      manifest: bytes && manifestIn(bytes),
      witness: state?.value.manifestSha256,
    };
  };
  const begun: Promise<Link>[] = [];
  for (let number = first; number <= last || begun.length > 0;) {
    while (number <= last && begun.length < readAhead) {
      const link = read(number++);
      // An error is thrown where the link is awaited, in its turn.
      link.catch(() => undefined);
      begun.push(link);
    }
    yield await begun.shift()!;
  }
}

function manifestIn(bytes: Buffer): Manifest | undefined {
  try {
    return storedManifest(bytes).manifest;
  } catch {
    return undefined;
  }
}

async function* withNext<T>(all: AsyncIterable<T>): AsyncGenerator<[T, T | undefined]> {
  let held: T | undefined;
  for await (const one of all) {
    if (held !== undefined) yield [held, one];
    held = one;
  }
  if (held !== undefined) yield [held, undefined];
}

/**
 * The highest number that the chain has, or had: the app notes what it commits and closes, which shows a chain that was
 * cut at its end. A listing shows what point reads cannot: blobs that have no place in the chain.
 */
async function lastNumber(deps: Stage, connector: ConnectorId, report: Report): Promise<number> {
  const { number: closedThrough } = await deps.runs.closedThrough(connector);
  let last = Math.max(closedThrough, await deps.runs.chainHint(connector));
  for await (const blob of deps.batches.list(`${manifestPrefix}${connector}/`)) {
    const number = Number(blob.slice(manifestPrefix.length + connector.length + 1, -manifestSuffix.length));
    const isManifest = Number.isInteger(number) && number > 0 && blob === manifestBlob(connector, number);
    if (isManifest) last = Math.max(last, number);
    else report({ kind: 'foreignBlob', connector, blob, detail: 'expected only numbered manifests here' });
  }
  return last;
}
