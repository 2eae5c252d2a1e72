/** Paths of Graph, below `/v1.0`. Every id is encoded: Exchange's ids can contain `/`, `+` and `=`. */

const userPath = (userId: string) => `/users/${encodeURIComponent(userId)}`;

/** The folders directly below the root of a mailbox. */
export const foldersPath = (userId: string): string => `${userPath(userId)}/mailFolders`;

/** One folder, at any depth, by its id or a well-known name such as `msgfolderroot`. */
export const folderPath = (userId: string, folderId: string): string =>
  `${foldersPath(userId)}/${encodeURIComponent(folderId)}`;

/** One message, in whatever folder it is. */
export const messagePath = (userId: string, messageId: string): string =>
  `${userPath(userId)}/messages/${encodeURIComponent(messageId)}`;
