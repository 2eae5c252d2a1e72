import { z } from 'zod';
import { connectorIds } from '../connectors';
import type { Deps } from '../deps';
import { run } from '../storage/manifest';
import { fetchRun, openRun } from './fetch-batch';

/** A queue message: fetch this window again, or for the first time. */
export const backfillRequest = z.strictObject({ v: z.literal(1), connector: z.enum(connectorIds), run });
export type BackfillRequest = z.infer<typeof backfillRequest>;

/** Fetches the requested window as a run of its own. A request that comes twice finds the run fetched. */
export async function backfillWindow(deps: Deps, { connector, run: wanted }: BackfillRequest): Promise<void> {
  const opened = await openRun(deps, connector, wanted);
  if (opened.state === 'open') await fetchRun(deps, connector, opened);
}
