import * as z from 'zod';
import { connectorIds } from '../connectors';
import type { Deps } from '../deps';
import { RefusedRequestError } from '../errors';
import { run } from '../storage/manifest';
import { fetchBackfill, openRun } from './fetch-batch';
import { ensureAudited } from './requests';
import { longestWindowMs } from './windows';

/** A backfill must not take the name of a daily run: that day would never be fetched. */
const name = /^backfill-[A-Za-z0-9-]{1,90}$/;
const lengthMs = ({ from, to }: { from: string; to: string }) => Date.parse(to) - Date.parse(from);

/** A queue message: fetch this window, again or for the first time. */
export const backfillRequest = z.strictObject({
  v: z.literal(1),
  connector: z.enum(connectorIds),
  run: run
    .extend({
      name: z
        .string()
        .regex(name, 'expected backfill- and letters, digits or hyphens, 100 characters at most'),
      cause: z.literal('backfill'),
    })
    .refine(
      (window) => lengthMs(window) > 0 && lengthMs(window) <= longestWindowMs,
      'expected `to` after `from`, and at most 25 hours after it',
    ),
  /** The entry of the audit trail that names who asks. */
  audit: z.int().positive().optional(),
});
export type BackfillRequest = z.infer<typeof backfillRequest>;

/**
 * Fetches the requested window as a run of its own. A second copy of the request finds the run fetched. Once the run is
 * registered, every later fetch goes on with it: a password that is wrong today must not use up the five attempts.
 *
 * @throws RefusedRequestError when the name belongs to a run of another window
 */
export async function backfillWindow(
  deps: Deps,
  { connector, run: wanted, audit }: BackfillRequest,
): Promise<void> {
  const { from, to } = wanted;
  await ensureAudited(deps, audit, { act: 'backfill', connector, from, to, windows: 1 });
  const opened = await openRun(deps, connector, wanted);
  if (Date.parse(opened.from) !== Date.parse(wanted.from) || lengthMs(opened) !== lengthMs(wanted))
    throw new RefusedRequestError(
      `The run ${wanted.name} has another window: choose a name that was never used`,
    );
  if (opened.state === 'open') await fetchBackfill(deps, connector, opened);
}
