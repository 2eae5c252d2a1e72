import type { ConnectorId } from '../connectors';
import { DeploymentError } from '../errors';
import { createLookUps } from '../look-ups';
import { parseMapping, type Mapping, type MappingProblem } from './parse-mapping';
import type { MappingFiles } from './file.client';

/** Looked at anew this often: how long an upload may take to come into force. */
const freshForMs = 30_000;
/** Reading blocks the worker: this many rows take some seconds. */
const maxRows = 250_000;

export interface Mappings {
  /** The mapping in force, or undefined when no file was ever uploaded; not one that was looked at before `sinceMs`. */
  current(connector: ConnectorId, sinceMs?: number): Promise<Mapping | undefined>;
  /** Takes a file whole, or refuses it whole with every problem; then the former one stays in force. */
  upload(connector: ConnectorId, bytes: Uint8Array): Promise<MappingProblem[]>;
}

interface Loaded {
  /** Version of the file; undefined when there is none. */
  etag: string | undefined;
  mapping: Mapping | undefined;
}

export function createMappings(options: {
  files: MappingFiles;
  country: string | undefined;
  now: () => number;
}): Mappings {
  const { files, now } = options;
  const rules = { maxRows, ...(options.country === undefined ? {} : { country: options.country }) };

  const looked = createLookUps(
    async (connector: ConnectorId, former: Loaded | undefined): Promise<Loaded> => {
      if (former && (await files.version(connector)) === former.etag) return former;
      const file = await files.read(connector);
      const parsed = file && parseMapping(file.bytes, rules);
      // Nobody uploads such a file through this app; items must wait rather than go unmapped.
      if (parsed && !parsed.ok)
        throw new DeploymentError(`The stored mapping file of ${connector} is not readable`);
      return { etag: file?.etag, mapping: parsed?.mapping };
    },
    { freshForMs: () => freshForMs, now },
  );

  return {
    async current(connector, sinceMs = 0) {
      return (await looked.find(connector, sinceMs)).mapping;
    },
    async upload(connector, bytes) {
      const parsed = parseMapping(bytes, rules);
      if (!parsed.ok) return parsed.errors;
      await files.write(connector, Buffer.from(bytes));
      looked.forget(connector);
      return [];
    },
  };
}
