import { ManagedIdentityCredential } from '@azure/identity';

export interface FolderView {
  /** User principal name of the mailbox's owner. */
  owner: string;
  total: number;
  /** Newest first. */
  items: { date: string; from: string; to: string; subject: string; attachments: string[] }[];
}

interface Recipient {
  emailAddress: { name: string; address: string };
}
interface Message {
  receivedDateTime: string;
  from?: Recipient;
  toRecipients: Recipient[];
  subject: string;
  attachments?: { name: string }[];
}
interface Folder {
  id: string;
  totalItemCount: number;
}

/** The fullest folders of that name in the tenant, read over Microsoft Graph as any client would. */
export async function readFolder(
  origin: string,
  audience: string,
  folderName: string,
  maxMailboxes: number,
  maxItems: number,
): Promise<FolderView[]> {
  const { token } = await new ManagedIdentityCredential().getToken(audience);
  const get = async <T>(path: string, query: Record<string, string>): Promise<T[]> => {
    const url = `${origin}/v1.0${path}?${new URLSearchParams(query).toString()}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    // A user without a mailbox has no folders.
    if (!response.ok) return [];
    return ((await response.json()) as { value: T[] }).value;
  };

  const users = await get<{ id: string; userPrincipalName: string }>('/users', { $top: '999' });
  const found: { owner: string; path: string; folder: Folder }[] = [];
  for (const { id, userPrincipalName } of users) {
    const [folder] = await get<Folder>(`/users/${id}/mailFolders`, {
      $filter: `displayName eq '${folderName}'`,
    });
    if (folder)
      found.push({
        owner: userPrincipalName,
        path: `/users/${id}/mailFolders/${folder.id}/messages`,
        folder,
      });
  }
  found.sort((a, b) => b.folder.totalItemCount - a.folder.totalItemCount);
  return Promise.all(
    found.slice(0, maxMailboxes).map(async ({ owner, path, folder }) => {
      const messages = await get<Message>(path, {
        $top: String(maxItems),
        $expand: 'attachments($select=name)',
      });
      return { owner, total: folder.totalItemCount, items: messages.map(view) };
    }),
  );
}

function view({ receivedDateTime, from, toRecipients, subject, attachments }: Message) {
  const [first, ...others] = toRecipients;
  return {
    date: receivedDateTime.slice(0, 16).replace('T', ' '),
    from: from?.emailAddress.name ?? '',
    to:
      others.length > 0 ? `${first!.emailAddress.name} +${others.length}` : (first?.emailAddress.name ?? ''),
    subject,
    attachments: (attachments ?? []).map(({ name }) => name),
  };
}
