import type { ConnectorId } from '../../shared/connectors';
import type { Deps } from '../../shared/deps';
import type { ItemPointer } from '../../shared/item';
import type { World } from './world';

/** Fetches the window and gives what would stand on the queue, so that a test decides what happens between items. */
export async function fetchPointers(
  world: World,
  deps: Deps,
  connector: ConnectorId = 'whatsapp',
  run = 'test',
): Promise<ItemPointer[]> {
  const pointers: ItemPointer[] = [];
  const importQueue = {
    ...deps.importQueue,
    send: (pointer: ItemPointer) => Promise.resolve(void pointers.push(pointer)),
  };
  await world.fetch({ ...deps, importQueue }, connector, run);
  return pointers.toSorted((a, b) => a.position - b.position);
}

export async function eventually(holds: () => Promise<boolean> | boolean, withinMs = 100_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('The condition never held');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
