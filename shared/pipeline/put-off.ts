import type { Deps } from '../deps';
import { BusyError, DeploymentError, PutOffError } from '../errors';
import type { ItemPointer } from '../item';

const SECOND = 1000;
/** A refused deployment needs a person: hours, not seconds. Half of it is random, so that work comes back spread out. */
const deploymentDelayMs = 10 * 60 * SECOND;
const maxDelayMs = 30 * 60 * SECOND;
/** By then no single attempt is behind it: the item has another pointer. */
const mostBusyPutOffs = 20;

/**
 * Runs a stage of an item; where only time helps, the pointer goes back on the queue as a new message with a
 * delay and the attempt counts as done: throttling must not burn the five attempts that real failures have. A second
 * pointer to an item that fails is not put off for ever: the two would take turns, and none ever use up its attempts.
 */
export async function orPutOff(
  deps: Pick<Deps, 'importQueue' | 'emit' | 'random'>,
  pointer: ItemPointer,
  stage: () => Promise<void>,
): Promise<void> {
  try {
    await stage();
  } catch (error) {
    const refused = error instanceof DeploymentError;
    if (!refused && !(error instanceof PutOffError)) throw error;
    const putOff = (pointer.putOff ?? 0) + 1;
    if (error instanceof BusyError && putOff > mostBusyPutOffs) return;
    const wantedMs = refused ? deploymentDelayMs : error.delayMs;
    // Work that comes back together would be throttled together.
    const delayMs = Math.ceil(Math.min(wantedMs, maxDelayMs) * (1 + deps.random() / 2));
    const { connector, batch, position } = pointer;
    deps.emit(refused ? 'credentialsRejected' : 'throttled', {
      connector,
      batch,
      position,
      delayMs,
      count: putOff,
      message: error.message,
    });
    await deps.importQueue.send({ ...pointer, putOff }, { delayMs });
  }
}
