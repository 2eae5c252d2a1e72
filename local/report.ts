import { connectors, type ConnectorId } from '../shared/connectors';
import type { AppDeps } from '../shared/deps';
import { reasons, type Reason } from '../shared/errors';
import type { ShownMessage } from '../shared/graph/probe.client';
import type { Quarantined } from '../shared/storage/outcomes';
import type { Output } from '../terminal/output';
import { plainText } from '../terminal/plain-text';
import { fit } from '../terminal/text-width';
import type { ConnectorResult } from './run-windows';

/** What a run prints at its end: the counters, what is in quarantine and why, and some items as their readers see them. */

/** Prints the counters, one column per connector. */
export function showResults(out: Output, results: readonly ConnectorResult[]): void {
  const line = (label: string, value: (one: ConnectorResult) => number | string) =>
    out.print(`  ${label.padEnd(34)}${results.map((one) => String(value(one)).padStart(12)).join('')}`);
  out.print();
  line('', ({ connector }) => connector);
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
  out.print();
}

/** Prints how many items are in quarantine for each reason, with the reason in a sentence. */
export function showQuarantine(out: Output, quarantined: readonly Quarantined[]): void {
  if (quarantined.length === 0) return;
  const counts = new Map<Reason, number>();
  for (const { reason } of quarantined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  out.print('Quarantined:');
  for (const [reason, many] of [...counts].toSorted(([, a], [, b]) => b - a)) {
    const line = `${String(many).padStart(5)}  ${reason.padEnd(20)}${reasons[reason]}`;
    out.print(out.width === undefined ? line : fit(line, out.width - 1).trimEnd());
  }
  out.print();
}

const shownItems: Record<ConnectorId, number> = { wechat: 1, whatsapp: 2 };
const shownLines = 3;

/** Prints some of the newest items from the fullest folder of each connector. */
export async function showItems(out: Output, deps: AppDeps): Promise<string | undefined> {
  let address: string | undefined;
  for (const id of deps.config.connectors) {
    const fullest = await fullestFolder(deps, id);
    if (!fullest) continue;
    const { userId, folderId, total } = fullest;
    const user = await deps.directory.find(userId);
    address ??= user?.address;
    out.print(`${out.strong(`${user?.address ?? userId} › ${connectors[id].folder}`)} (${total} items)`);
    for (const message of await deps.mailboxProbe.newest(userId, folderId, shownItems[id]))
      show(out, message);
    out.print();
  }
  return address;
}

async function fullestFolder(deps: AppDeps, connector: ConnectorId) {
  let fullest: { userId: string; folderId: string; total: number } | undefined;
  for await (const { row: userId, value } of deps.folders.list(connector)) {
    const total = await deps.mailboxProbe.count(userId, value.folderId).catch(() => 0);
    if (total > (fullest?.total ?? 0)) fullest = { userId, folderId: value.folderId, total };
  }
  return fullest;
}

function show(out: Output, { receivedDateTime, from, to, subject, text, attachments }: ShownMessage): void {
  const print = (indent: number, line: string, style = (one: string) => one) =>
    out.print(' '.repeat(indent) + style(fit(line, (out.width ?? 100) - indent - 1).trimEnd()));
  const when = receivedDateTime.slice(0, 16).replace('T', ' ');
  const files = attachments.length > 0 ? ` [${attachments.join(', ')}]` : '';
  out.print(`  ${when}  ${fit(`${from} → ${to.join(', ')}${files}`, (out.width ?? 100) - 21).trimEnd()}`);
  print(4, subject);
  const lines = plainText(text)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  for (const line of lines.slice(0, shownLines)) print(4, line, out.faint);
}
