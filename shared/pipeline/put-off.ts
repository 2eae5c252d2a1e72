import type { Deps } from '../deps';
import { DeploymentError, PutOffError } from '../errors';
import type { ItemPointer } from '../item';

const SECOND = 1000;
/** A refused deployment needs a person: hours, not seconds. Half of it is random, so that work comes back spread out. */
const deploymentDelayMs = 10 * 60 * SECOND;
const maxDelayMs = 30 * 60 * SECOND;

/**
 * Runs a stage of an item; where only time helps, the pointer goes back on the queue as a new message with a
 * delay and the attempt counts as done: throttling must not burn the five attempts that real failures have.
 */
export async function orPutOff(
  deps: Pick<Deps, 'importQueue' | 'signal' | 'random'>,
  pointer: ItemPointer,
  stage: () => Promise<void>,
): Promise<void> {
  try {
    await stage();
  } catch (error) {
    const refused = error instanceof DeploymentError;
    if (!refused && !(error instanceof PutOffError)) throw error;
    const putOff = (pointer.putOff ?? 0) + 1;
    const wantedMs = refused ? deploymentDelayMs : error.delayMs;
    // Work that comes back together would be throttled together.
    const delayMs = Math.ceil(Math.min(wantedMs, maxDelayMs) * (1 + deps.random() / 2));
    const { connector, batch, position } = pointer;
    deps.signal(refused ? 'credentialsRejected' : 'throttled', {
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
