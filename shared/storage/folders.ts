import type { FolderStore } from '../graph/folder.client';
import type { Rows } from './rows.client';

/** The folder that each mailbox keeps for a connector, as the Graph client wants it remembered. */
export function createFolderStore(rows: Rows<{ folderId: string }>): FolderStore {
  return {
    async get(connectorId, userId) {
      return (await rows.get(connectorId, userId))?.value.folderId;
    },
    put: (connectorId, userId, folderId) => rows.put(connectorId, userId, { folderId }),
  };
}
