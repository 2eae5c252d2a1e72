import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { StoredManifest } from '../storage/manifest';
import type { Interval } from './continuity';

/** The manifests of a connector in the order of the chain. Those that were removed after their retention are left out. */
export async function* manifestsOf(
  { batches, runs }: Pick<Deps, 'batches' | 'runs'>,
  connector: ConnectorId,
): AsyncGenerator<StoredManifest> {
  const expired = await runs.expiredThrough(connector);
  for (let number = 1; ; number++) {
    const found = await batches.read(connector, number);
    if (found) yield found;
    else if (number > expired) return;
  }
}

/** Whether a window has a part in the interval; one without a bound is open on that side. */
export const isWithin = (window: Interval, { from = '', to = '~' }: Partial<Interval> = {}): boolean =>
  window.from < to && window.to > from;
