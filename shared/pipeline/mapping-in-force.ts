import type { ConnectorId } from '../connectors';
import type { Deps } from '../deps';
import type { Mapping, MappingProblem } from '../mapping/reader';

const shownFaults = 3;

/**
 * The mapping in force; undefined if no file is stored. Tells once of each stored file that was refused.
 *
 * @throws DeploymentError if the stored file is not readable, and none before it was
 */
export async function mappingInForce(
  deps: Pick<Deps, 'mappings' | 'emit'>,
  connector: ConnectorId,
  sinceMs = 0,
): Promise<Mapping | undefined> {
  try {
    return await deps.mappings.current(connector, sinceMs);
  } finally {
    const faults = deps.mappings.newRefusal(connector);
    if (faults)
      deps.emit('mappingRefused', {
        connector,
        count: faults.length,
        message: faults.slice(0, shownFaults).map(describe).join('; '),
      });
  }
}

/** Where the fault is and what was expected; never what was found, which can be a number or an address. */
const describe = ({ line, column, expected }: MappingProblem) =>
  `line ${line}${column === undefined ? '' : `, column ${column}`}: expected ${expected}`;
