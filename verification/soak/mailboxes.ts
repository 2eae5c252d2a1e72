import { mintToken } from '../../simulators/identity/token';
import type { TenantUser } from '../../simulators/samples/organisation';
import { propertyIds, propertyValue, type ExtendedProperty } from '../../shared/email/provenance';

/** Reads the mailboxes of a tenant over Microsoft Graph, and compares those of two runs. */
export interface FiledItem {
  /** Object id of the mailbox's owner. */
  userId: string;
  itemKey: string;
  sourceId: string;
  /** Name and size of each attachment, in order. */
  attachments: string[];
}

interface Message {
  singleValueExtendedProperties?: ExtendedProperty[];
  attachments?: { name: string; size: number }[];
}
interface Page {
  value: Message[];
  '@odata.nextLink'?: string;
}

const audience = 'https://graph.microsoft.com';
const hourSeconds = 3600;
const wanted = [propertyIds.itemKey, propertyIds.sourceId].map((id) => `id eq '${id}'`).join(' or ');

/** Every message in every folder of the users' mailboxes, except mailboxes that the app must not enter. */
export async function readMailboxes(origin: string, users: readonly TenantUser[]): Promise<FiledItem[]> {
  const seconds = Math.floor(Date.now() / 1000);
  const claims = {
    aud: audience,
    iss: 'local',
    appid: 'local',
    nbf: seconds - 60,
    exp: seconds + hourSeconds,
  };
  const headers = { authorization: `Bearer ${mintToken(claims)}` };
  const query = new URLSearchParams({
    $top: '100',
    $select: 'id',
    $expand: `attachments($select=name,size),singleValueExtendedProperties($filter=${wanted})`,
  });
  const found: FiledItem[] = [];
  for (const { id: userId, mailbox, inScope } of users) {
    if (mailbox !== 'normal' || inScope === false) continue;
    let url: string | undefined = `${origin}/v1.0/users/${userId}/messages?${query.toString()}`;
    while (url !== undefined) {
      const response: Response = await fetch(url, { headers });
      if (!response.ok) throw new Error(`Reading a mailbox back failed: ${response.status}`);
      const page = (await response.json()) as Page;
      for (const { singleValueExtendedProperties = [], attachments = [] } of page.value) {
        const property = (id: string) => propertyValue({ singleValueExtendedProperties }, id) ?? '';
        found.push({
          userId,
          itemKey: property(propertyIds.itemKey),
          sourceId: property(propertyIds.sourceId),
          attachments: attachments.map(({ name, size }) => `${name} ${size}`),
        });
      }
      url = page['@odata.nextLink'];
    }
  }
  return found;
}

/** One line per message, sorted: two tenants are equal if their lines are equal. */
export const fingerprint = (items: readonly FiledItem[]): string[] =>
  items
    .map(({ userId, itemKey, attachments }) => [userId, itemKey, ...attachments.toSorted()].join(' '))
    .toSorted();

/** Lines of the first list that the second list lacks; a line that occurs n times too often is listed n times. */
export function surplus(some: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
  return some.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
