import { createHash } from 'node:crypto';
import type { ConnectorId } from '../connectors';
import { DeploymentError } from '../errors';
import { createLookUps } from '../look-ups';
import type { MappingFiles } from './file.client';
import { parseMapping, type Mapping, type MappingProblem } from './reader';

/** Cache lifetime: an upload takes effect within 30 s. */
const freshForMs = 30_000;
/** Reading blocks the worker: this many rows take a few seconds. */
const maxRows = 250_000;

/** The mapping file that came into force last. */
export interface MappingInForce {
  /** Hash of its bytes, and the version of the stored file that had them. */
  sha256: string;
  version: string;
  rows: number;
  at: string;
}

/** What outlives the process: which file is in force, and a copy of each file that was. */
export interface MappingHistory {
  inForce(connector: ConnectorId): Promise<MappingInForce | undefined>;
  put(connector: ConnectorId, value: MappingInForce): Promise<void>;
  /** Whether this is the first time that somebody refuses this version of the stored file. */
  refuse(connector: ConnectorId, etag: string): Promise<boolean>;
  keep(connector: ConnectorId, sha256: string, bytes: Buffer): Promise<void>;
  kept(connector: ConnectorId, sha256: string): Promise<Buffer | undefined>;
}

export interface Mappings {
  /**
   * The mapping in force, or undefined if no file was ever uploaded. A result that was read before `sinceMs` is read
   * again. If the stored file is not readable, the last one that was stays in force.
   *
   * @throws DeploymentError if the stored file is not readable, and none before it was
   */
  current(connector: ConnectorId, sinceMs?: number): Promise<Mapping | undefined>;
  /** The faults of a stored file that this process was the first to refuse. Gives them once. */
  newRefusal(connector: ConnectorId): MappingProblem[] | undefined;
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
  history: MappingHistory;
  country: string | undefined;
  now: () => number;
}): Mappings {
  const { files, history, country, now } = options;
  const rules = { maxRows, country };
  const refusals = new Map<ConnectorId, MappingProblem[]>();

  async function takeIntoForce(connector: ConnectorId, bytes: Buffer, etag: string, rows: number) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const former = await history.inForce(connector);
    if (former?.sha256 === sha256) return;
    // The copy comes first: a later file that is not readable must find it.
    await history.keep(connector, sha256, bytes);
    await history.put(connector, { sha256, version: etag, rows, at: new Date(now()).toISOString() });
  }

  /** Something else than this app wrote the file, which refuses to upload such a one. */
  async function lastGood(connector: ConnectorId, etag: string, errors: MappingProblem[]): Promise<Mapping> {
    if (await history.refuse(connector, etag)) refusals.set(connector, errors);
    const inForce = await history.inForce(connector);
    const bytes = inForce && (await history.kept(connector, inForce.sha256));
    const parsed = bytes && parseMapping(bytes, rules);
    // Without a mapping, items would go unmapped: they must wait.
    if (!parsed?.ok)
      throw new DeploymentError(
        `The stored mapping file of ${connector} is not readable, and none before it was. Items wait for it`,
        'mappingRefused',
      );
    return parsed.mapping;
  }

  const lookUps = createLookUps(
    async (connector: ConnectorId, former: Loaded | undefined): Promise<Loaded> => {
      if (former && (await files.version(connector)) === former.etag) return former;
      const file = await files.read(connector);
      if (!file) return { etag: undefined, mapping: undefined };
      const { bytes, etag } = file;
      const parsed = parseMapping(bytes, rules);
      if (!parsed.ok) return { etag, mapping: await lastGood(connector, etag, parsed.errors) };
      await takeIntoForce(connector, bytes, etag, parsed.mapping.rows);
      return { etag, mapping: parsed.mapping };
    },
    { freshForMs: () => freshForMs, now },
  );

  return {
    async current(connector, sinceMs = 0) {
      return (await lookUps.find(connector, sinceMs)).mapping;
    },
    newRefusal(connector) {
      const errors = refusals.get(connector);
      refusals.delete(connector);
      return errors;
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
