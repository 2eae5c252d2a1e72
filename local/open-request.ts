import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A window that somebody asked for and whose result was not shown yet. */
export interface OpenRequest {
  /** Names the runs of all connectors that belong to the request. */
  id: string;
  /** The result was shown: asking for the same window again is a new request. */
  done(): Promise<void>;
}

/**
 * Goes on with the request for this window that was interrupted, else begins one. It is kept beside the stores:
 * after a crash the runs alone do not tell a connector that had ended from one that was never asked for.
 */
export async function openRequest(
  dataDir: string | undefined,
  { from, to }: { from: string; to: string },
): Promise<OpenRequest> {
  const fresh = randomUUID().slice(0, 8);
  if (dataDir === undefined) return { id: fresh, done: () => Promise.resolve() };
  const file = join(dataDir, `open-request-${from}-${to}.txt`.replaceAll(':', ''));
  const known = await readFile(file, 'utf8').catch(() => '');
  // A file that a crash left empty stands for a request that was never made.
  const id = /^[0-9a-f]{8}$/.test(known) ? known : fresh;
  await writeFile(file, id);
  return { id, done: () => rm(file, { force: true }) };
}
