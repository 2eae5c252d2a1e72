import { RestError, type ContainerClient } from '@azure/storage-blob';
import type { ConnectorId } from '../connectors';

/** The stored mapping files, one per connector. */
export interface MappingFiles {
  /** Undefined if none was uploaded; `etag` identifies the version. @throws RestError */
  read(connector: ConnectorId): Promise<{ bytes: Buffer; etag: string } | undefined>;
  /** The `etag` of the current version; undefined without a file. @throws RestError */
  version(connector: ConnectorId): Promise<string | undefined>;
  /** Replaces the file. @throws RestError */
  write(connector: ConnectorId, bytes: Buffer): Promise<void>;
}

/** Each file is the blob `<connector>.csv` of the container. */
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
