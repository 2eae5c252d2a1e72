import type { Rows } from './rows.client';

/** The folder that each mailbox keeps for a connector: found again after the user renamed or moved it. */
export interface FolderStore {
  get(connectorId: string, userId: string): Promise<string | undefined>;
  put(connectorId: string, userId: string, folderId: string): Promise<void>;
}

export function createFolderStore(rows: Rows<{ folderId: string }>): FolderStore {
  return {
    async get(connectorId, userId) {
      return (await rows.get(connectorId, userId))?.value.folderId;
    },
    put: (connectorId, userId, folderId) => rows.put(connectorId, userId, { folderId }),
  };
}
