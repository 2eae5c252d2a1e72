import type { ConnectorId } from '../connectors';
import { DeploymentError } from '../errors';
import { createLookUps } from '../look-ups';
import type { MappingFiles } from './file.client';
import { parseMapping, type Mapping, type MappingProblem } from './reader';

/** Cache lifetime: an upload takes effect within 30 s. */
const freshForMs = 30_000;
/** Reading blocks the worker: this many rows take a few seconds. */
const maxRows = 250_000;

export interface Mappings {
  /**
   * The mapping in force, or undefined if no file was ever uploaded. A result that was read before `sinceMs` is read
   * again.
   *
   * @throws DeploymentError if the stored file is not readable
   */
  current(connector: ConnectorId, sinceMs?: number): Promise<Mapping | undefined>;
  /** Stores the file and gives its warnings; or gives every problem, and the previous file stays in force. */
  upload(
    connector: ConnectorId,
    bytes: Uint8Array,
  ): Promise<{ ok: true; warnings: MappingProblem[] } | { ok: false; errors: MappingProblem[] }>;
}

interface Loaded {
  /** Version of the file; undefined without a file. */
  etag: string | undefined;
  mapping: Mapping | undefined;
}

/** The mappings of all connectors, cached. `country` is the ISO 3166 code of DEFAULT_COUNTRY, `now` gives ms since 1970. */
export function createMappings(options: {
  files: MappingFiles;
  country: string | undefined;
  now: () => number;
}): Mappings {
  const { files, country, now } = options;
  const rules = { maxRows, country };

  const lookUps = createLookUps(
    async (connector: ConnectorId, former: Loaded | undefined): Promise<Loaded> => {
      if (former && (await files.version(connector)) === former.etag) return former;
      const file = await files.read(connector);
      const parsed = file && parseMapping(file.bytes, rules);
      // This app refuses to upload such a file, so something else wrote it. Items must wait, or they go unmapped.
      if (parsed && !parsed.ok)
        throw new DeploymentError(`The stored mapping file of ${connector} is not readable`);
      return { etag: file?.etag, mapping: parsed?.mapping };
    },
    { freshForMs: () => freshForMs, now },
  );

  return {
    async current(connector, sinceMs = 0) {
      return (await lookUps.find(connector, sinceMs)).mapping;
    },
    async upload(connector, bytes) {
      const parsed = parseMapping(bytes, rules);
      if (!parsed.ok) return parsed;
      await files.write(connector, Buffer.from(bytes));
      lookUps.forget(connector);
      return { ok: true, warnings: parsed.mapping.warnings };
    },
  };
}
