import { RestError, type ContainerClient } from '@azure/storage-blob';
import type { ConnectorId } from '../connectors';

/** The custom mapping file in force, one per connector. */
export interface MappingFiles {
  /** Undefined when none was uploaded; `etag` tells one version from the next. */
  read(connector: ConnectorId): Promise<{ bytes: Buffer; etag: string } | undefined>;
  /** The version in force without its bytes; undefined when there is none. */
  version(connector: ConnectorId): Promise<string | undefined>;
  write(connector: ConnectorId, bytes: Buffer): Promise<void>;
}

export function createMappingFiles(container: ContainerClient): MappingFiles {
  const blob = (connector: ConnectorId) => container.getBlockBlobClient(`${connector}.csv`);
  const absent = (error: unknown) => {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  };
  return {
    async version(connector) {
      return (await blob(connector).getProperties().catch(absent))?.etag;
    },
    async read(connector) {
      const response = await blob(connector).download().catch(absent);
      if (!response) return undefined;
      const parts: Buffer[] = [];
      for await (const chunk of response.readableStreamBody ?? []) parts.push(Buffer.from(chunk));
      return { bytes: Buffer.concat(parts), etag: response.etag ?? '' };
    },
    async write(connector, bytes) {
      await blob(connector).upload(bytes, bytes.length, { blobHTTPHeaders: { blobContentType: 'text/csv' } });
    },
  };
}
