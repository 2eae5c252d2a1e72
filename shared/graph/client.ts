import type { TokenCredential } from '@azure/identity';
import { connectorIds } from '../connectors';
import { createDirectory } from './directory.client';
import type { Directory } from './directory.client';
import { createFolders, type FolderRows } from './folder.client';
import { createMailboxes } from './mailboxes.client';
import type { Mailboxes } from './mailboxes.client';
import { createMailboxProbe } from './probe.client';
import type { MailboxProbe } from './probe.client';
import { createGraph } from './request.client';
import { createTransport, systemClock } from './transport.client';

const minuteMs = 60_000;

export interface GraphSettings {
  /** Origin of Microsoft Graph: https, or http on a loopback address. */
  baseUrl: string;
  /** The resource that tokens are asked for, such as `https://graph.microsoft.com`. */
  audience: string;
  /** For one request. */
  timeoutMs: number;
  credential: TokenCredential;
  folders: FolderRows;
}

const someOfEach = 3;

/** Mailboxes that have a folder of a connector, so that they let the app in when it was made. */
async function someMailboxes(folders: FolderRows): Promise<string[]> {
  const found: string[] = [];
  for (const [index, id] of connectorIds.entries())
    for await (const { row } of folders.list(id)) {
      found.push(row);
      if (found.length >= someOfEach * (index + 1)) break;
    }
  return found;
}

/**
 * The directory and the mailboxes of one tenant. They share one `Graph`, because the limits of requests in flight and
 * the pauses after throttling are per mailbox, whatever asks.
 *
 * @throws Error when `baseUrl` is neither https nor a loopback address
 */
export function openGraph(settings: GraphSettings): {
  directory: Directory;
  mailboxes: Mailboxes;
  mailboxProbe: MailboxProbe;
} {
  const clock = systemClock;
  const graph = createGraph({
    ...settings,
    transport: createTransport(settings.baseUrl),
    clock,
    knownMailboxes: () => someMailboxes(settings.folders),
  });
  const folders = createFolders(graph, settings.folders, { now: clock.now });
  return {
    directory: createDirectory(graph, { cacheMs: 15 * minuteMs, missCacheMs: 5 * minuteMs, now: clock.now }),
    mailboxes: createMailboxes(graph, folders),
    mailboxProbe: createMailboxProbe(graph),
  };
}
