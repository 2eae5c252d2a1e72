import type { Deps } from '../deps';
import { BusyError, CrowdedMailboxError, DeploymentError, nextStepAfter, PutOffError } from '../errors';
import type { ItemPointer } from '../item';

const SECOND = 1000;
/** A refused deployment needs a person, who takes minutes or hours: asking every few seconds would only add noise. */
const deploymentDelayMs = 10 * 60 * SECOND;
const maxDelayMs = 30 * 60 * SECOND;
/** By now a duplicate pointer must be holding the item. */
const maxBusyPutOffs = 20;

/**
 * Runs a stage of an item. When only time helps, the pointer goes back on the queue as a new message with a delay and
 * the attempt counts as done: throttling must not use up the five attempts that real failures have. A pointer to an
 * item that another pointer holds is dropped after some delays: two pointers to a failing item would take turns, and
 * neither would ever use up its attempts.
 */
export async function orPutOff(
  deps: Pick<Deps, 'importQueue' | 'runs' | 'emit' | 'now' | 'random'>,
  pointer: ItemPointer,
  stage: () => Promise<void>,
): Promise<void> {
  try {
    await stage();
  } catch (error) {
    const next = nextStepAfter(error);
    if (next.kind !== 'putOff') throw error;
    const putOff = (pointer.putOff ?? 0) + 1;
    if (next.error instanceof BusyError && putOff > maxBusyPutOffs) return;
    const wantedMs = next.error instanceof PutOffError ? next.error.delayMs : deploymentDelayMs;
    const crowd = next.error instanceof CrowdedMailboxError ? next.error : undefined;
    // Spread the delays, or work that was throttled together would come back together. A crowd comes by turns.
    const spread = crowd ? 1 : 1 + deps.random() / 2;
    const delayMs = Math.ceil(Math.min(wantedMs, maxDelayMs) * spread);
    const { waitsFor: _former, ...place } = pointer;
    const { connector, batch, position } = place;
    const { message } = next.error;
    if (next.error instanceof DeploymentError) {
      const at = new Date(deps.now()).toISOString();
      // A note that cannot be written must not cost the item one of its attempts.
      await deps.runs
        .noteTrouble(connector, 'import', { kind: next.error.signal, message, at })
        .catch(() => undefined);
    }
    const name = next.error instanceof PutOffError ? 'throttled' : next.error.signal;
    // A refused mapping file was told once; its items say nothing more.
    if (name !== 'mappingRefused')
      deps.emit(name, {
        connector,
        batch,
        position,
        delayMs,
        count: putOff,
        message,
      });
    const waiting = { ...place, ...(crowd && { waitsFor: crowd.mailbox }), putOff };
    await deps.importQueue.send(waiting, { delayMs });
  }
}
