import { ManagedIdentityCredential } from '@azure/identity';
import { connectors, connectorIds } from '../shared/connectors';
import type { Deps } from '../shared/deps';
import { reasons } from '../shared/errors';
import type { Quarantined } from '../shared/storage/outcomes';
import type { ConnectorResult } from './run-windows';

const shownMailboxes = 3;
const shownItems = 12;

/** What a run prints at its end: the counters, the quarantined items, a few mailboxes. */

/** Prints the counters, one column per connector. */
export function showResults(results: readonly ConnectorResult[]): void {
  const line = (label: string, value: (one: ConnectorResult) => number | string) =>
    console.log(`  ${label.padEnd(34)}${results.map((one) => String(value(one)).padStart(12)).join('')}`);
  console.log();
  line('', ({ connector }) => connector);
  line('batches', ({ batches }) => batches);
  line('items available from source', ({ items }) => items.available);
  line('  delivered', ({ items }) => items.delivered);
  line('  failed', ({ items }) => items.failed);
  line('  device events', ({ items }) => items.events);
  line('deliveries after fan-out', ({ deliveries }) => deliveries.expected);
  line('  imported', ({ deliveries }) => deliveries.imported);
  line('  partially imported', ({ deliveries }) => deliveries.partial);
  line('  skipped (duplicates)', ({ deliveries }) => deliveries.skipped);
  line('  failed', ({ deliveries }) => deliveries.failed);
  line('quarantined items', ({ quarantined }) => quarantined);
  console.log();
}

/** Prints each quarantined item with its reason in a sentence. */
export function showQuarantine(quarantined: readonly Quarantined[]): void {
  if (quarantined.length === 0) return;
  console.log('Quarantined:');
  for (const { connector, batch, position, sourceId, reason, detail } of quarantined) {
    console.log(
      `  ${connector} batch ${batch} position ${position}${sourceId === undefined ? '' : `, ${sourceId}`}`,
    );
    console.log(`    ${reason}: ${reasons[reason]} ${detail}.`.replace(/\.\.$/, '.'));
  }
  console.log();
}

/** Prints a few folders as their owners see them. */
export async function showMailboxes(origin: string, deps: Deps): Promise<void> {
  for (const id of connectorIds) {
    const connector = connectors[id];
    const folders = await readFolder(
      origin,
      deps.config.graph.audience,
      connector.folder,
      shownMailboxes,
      shownItems,
    );
    for (const { owner, total, items } of folders) {
      console.log(`${owner} › ${connector.folder} (${total} items)`);
      for (const { date, from, to, subject, attachments } of items) {
        console.log(
          `  ${date}  ${clip(from, 22)}  ${clip(to, 22)}  ${clip(subject, 72)}  ${attachments.join(', ')}`,
        );
      }
      console.log();
    }
  }
}

interface FolderView {
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

/** The fullest folders of that name in the tenant, read over Microsoft Graph like any client does. */
async function readFolder(
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
    // A user without a mailbox.
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
      return { owner, total: folder.totalItemCount, items: messages.map(viewOf) };
    }),
  );
}

function viewOf({ receivedDateTime, from, toRecipients, subject, attachments }: Message) {
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

/** East Asian characters and emoji take two columns of a terminal. */
const columnsOf = (character: string) =>
  /\p{Mn}|\p{Me}|\p{Cf}/u.test(character)
    ? 0
    : /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
          character,
        )
      ? 2
      : 1;

/** Cuts or pads a text to a width, so that the columns line up in a terminal. */
function clip(text: string, width: number): string {
  let columns = 0;
  let cut = '';
  for (const character of text.replace(/\s+/g, ' ')) {
    const next = columns + columnsOf(character);
    if (next > width - 1) return `${cut}…`.padEnd(cut.length + 1 + (width - columns - 1));
    cut += character;
    columns = next;
  }
  return cut + ' '.repeat(width - columns);
}
