import { connectors, connectorIds } from '../shared/connectors';
import type { Deps } from '../shared/deps';
import { reasons } from '../shared/errors';
import type { Quarantined } from '../shared/storage/outcomes';
import { readFolder } from './read-folder';
import type { ConnectorResult } from './run-windows';

const shownMailboxes = 3;
const shownItems = 12;

/** The counters, a column per connector. */
export function showResults(results: readonly ConnectorResult[]): void {
  const line = (label: string, value: (one: ConnectorResult) => number | string) =>
    console.log(`  ${label.padEnd(34)}${results.map((one) => String(value(one)).padStart(12)).join('')}`);
  console.log();
  line('', ({ connector }) => connector);
  line('batches', ({ batches }) => batches);
  line('items available from source', ({ items }) => items.available);
  line('  delivered', ({ items }) => items.delivered);
  line('  failed', ({ items }) => items.failed);
  line('  events (device health)', ({ items }) => items.events);
  line('deliveries after fan-out', ({ deliveries }) => deliveries.expected);
  line('  imported', ({ deliveries }) => deliveries.imported);
  line('  partially imported', ({ deliveries }) => deliveries.partial);
  line('  skipped (duplicates)', ({ deliveries }) => deliveries.skipped);
  line('  failed', ({ deliveries }) => deliveries.failed);
  line('quarantined items', ({ quarantined }) => quarantined);
  console.log();
}

/** Each quarantined item with its reason in a sentence. */
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

/** A few folders as their owners see them, read back over Microsoft Graph. */
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

/** Characters of East Asia and emoji take two columns of a terminal. */
const columnsOf = (character: string) =>
  /\p{Mn}|\p{Me}|\p{Cf}/u.test(character)
    ? 0
    : /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u.test(
          character,
        )
      ? 2
      : 1;

/** Cut or filled to a width, so that columns stand below each other in a terminal. */
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
