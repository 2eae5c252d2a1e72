import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { connectorIds, type ConnectorId } from '../shared/connectors';
import { dayOf } from '../shared/days';
import type { AppDeps } from '../shared/deps';
import { readIfReadable } from '../shared/delivery/read-item';
import { conversationId } from '../shared/evidence/conversation-id';
import { findItems, itemAt, pointersIn } from '../shared/evidence/find';
import { isWithin, manifestsOf } from '../shared/evidence/manifests';
import { quarantinedItems } from '../shared/evidence/quarantine';
import { pointerVersion } from '../shared/item';
import { manifestBlob, sha256 } from '../shared/storage/manifest';
import { entryBlob } from '../shared/storage/audit';
import { batchPartition, batchRow, hasOutcome } from '../shared/storage/outcomes';
import { writeDown } from './acts';
import { withApp } from './app';
import { intervalInput, intervalOf, intervalOptions } from './days';
import { itemAsMail, type Communication } from './eml';
import { exportReadme } from './export-readme';
import { conversationAsRsmf } from './rsmf';
import { UsageError, verb, type Shell } from './verb';

/** A place of an item. */
interface Place {
  connector: ConnectorId;
  batch: number;
  position: number;
}

const shownConversations = 5;
const batchInput = /^(\w+)\/(\d+)$/;

/** Hands items over to people outside: with proof, and in forms that they can read. */
export const exportVerb = verb({
  name: 'export',
  summary: 'writes items into a folder that an auditor checks with sha256sum and a text editor',
  options: [
    ['--item <item>', 'one item: what `find` takes'],
    ['--batch <batch>', 'all items of a batch: CONNECTOR/NUMBER'],
    ['--conversation <id>', 'all items of a conversation, as `export --item` names it'],
    ['--quarantine', 'all items in quarantine'],
    [
      '--format <format>',
      'raw (bytes with proof), eml (raw, and each item as a mail), or rsmf (for eDiscovery tools)',
    ],
    ['--out <folder>', 'a folder that does not exist yet (default: export-DATE)'],
    [
      '--without-pages',
      'leave out the pages, which hold other items as well: the hash of each item still proves its bytes',
    ],
    ...intervalOptions,
  ],
  needs: 'to read blobs and tables of the evidence account, and to add to the audit trail',
  example: '--item whatsapp/12/345 --format eml --out for-the-auditor',
  input: {
    ...intervalInput,
    item: z.string().optional(),
    batch: z.string().regex(batchInput, 'expected CONNECTOR/NUMBER, such as wechat/12').optional(),
    conversation: z
      .string()
      .regex(/^[0-9a-f]{16}$/, 'expected 16 hexadecimal digits')
      .optional(),
    quarantine: z.boolean().default(false),
    format: z.enum(['raw', 'eml', 'rsmf'], { error: 'expected raw, eml or rsmf' }).default('eml'),
    out: z.string().optional(),
    withoutPages: z.boolean().default(false),
  },
  run: (
    shell,
    { json, asApp, item, batch, conversation, quarantine, format, out: folder, withoutPages, ...days },
  ) =>
    withApp(shell, asApp, async (deps) => {
      const chosen = [item, batch, conversation, quarantine || undefined].filter((one) => one !== undefined);
      if (chosen.length !== 1)
        throw new UsageError('Expected one of --item, --batch, --conversation and --quarantine');
      const { out } = shell;
      const interval = intervalOf(days, deps.config.fetch.dayStarts);
      const target = folder ?? `export-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}`;
      await mkdir(target, { recursive: false }).catch(() => {
        throw new UsageError(`--out: expected a folder that does not exist yet, in one that does: ${target}`);
      });
      const places = await placesOf(deps, shell, { item, batch, conversation, quarantine }, interval);
      const what = item ?? batch ?? conversation ?? 'the quarantine';
      // On the trail before anything leaves the archive.
      const { audit } = await writeDown(shell, deps, asApp, {
        act: 'export',
        what,
        format,
        items: places.length,
      });
      const files = createFiles(target);
      const { conversations, pages } = await writeItems(deps, shell, files, places, format);
      await writeProof(deps, files, places, withoutPages ? new Set() : pages);
      await writeTrail(deps, files);
      await files.write(
        'README.txt',
        exportReadme({ what, format, items: places.length, withPages: !withoutPages }),
      );
      await files.finish();
      out.progress('');
      out.print(
        `${places.length} items in ${target} (entry ${audit} of the audit trail). Its README.txt says how to check it.`,
      );
      if (conversations.length > 0 && conversations.length <= shownConversations)
        out.print(`Conversations: ${conversations.join(', ')}`);
      if (json) out.print(JSON.stringify({ folder: target, items: places.length, conversations, audit }));
      return places.length > 0 ? 0 : 1;
    }),
});

interface Chosen {
  item: string | undefined;
  batch: string | undefined;
  conversation: string | undefined;
  quarantine: boolean;
}

async function placesOf(
  deps: AppDeps,
  { out }: Shell,
  { item, batch, conversation, quarantine }: Chosen,
  interval: { from?: string; to?: string },
): Promise<Place[]> {
  const places: Place[] = [];
  if (item !== undefined)
    for await (const found of findItems(deps, item, interval, (line) => out.progress(line)))
      places.push(found);
  if (batch !== undefined) {
    const [, id, number] = batchInput.exec(batch)!;
    const connector = connectorIds.find((known) => known === id);
    const manifest = connector && (await deps.batches.read(connector, Number(number)))?.manifest;
    if (!manifest) throw new UsageError(`--batch: there is no batch ${batch}`);
    for (let position = 0; position < manifest.items; position++)
      places.push({ connector, batch: manifest.number, position });
  }
  if (quarantine)
    for (const id of deps.config.connectors)
      for (const { connector, places: all } of await quarantinedItems(deps, id))
        places.push(...all.map((place) => ({ connector, batch: place.batch, position: place.position })));
  if (conversation !== undefined)
    for (const connector of deps.config.connectors)
      for await (const { manifest } of manifestsOf(deps, connector)) {
        const { number, run } = manifest;
        if (!isWithin(run, interval)) continue;
        for await (const pointer of pointersIn(deps, manifest)) {
          out.progress(`${connector}: batch ${number}, item ${pointer.position + 1} of ${manifest.items}`);
          const read = await readIfReadable(deps, pointer);
          if (read?.kind === 'communication' && conversationId(read) === conversation)
            places.push({ connector, batch: number, position: pointer.position });
        }
      }
  return places;
}

/** Files of the export, with the hash of each for `sha256sum --check`. */
function createFiles(folder: string) {
  const sums = new Map<string, string>();
  return {
    async write(name: string, content: Buffer | string): Promise<void> {
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
      sums.set(name, sha256(bytes));
    },
    async finish(): Promise<void> {
      const lines = [...sums]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, sum]) => `${sum}  ${name}\n`);
      await writeFile(join(folder, 'SHA256SUMS'), lines.join(''));
    },
  };
}
type Files = ReturnType<typeof createFiles>;

const nameOf = ({ connector, batch, position }: Place) => `${connector}-${batch}-${position}`;

/** The raw bytes of each item with its outcome, and the item in the form that was asked for. Gives its conversations. */
async function writeItems(
  deps: AppDeps,
  { out }: Shell,
  files: Files,
  places: readonly Place[],
  format: string,
) {
  const conversations = new Map<string, Communication[]>();
  const ids = new Set<string>();
  const pages = new Set<string>();
  let done = 0;
  for (const place of places) {
    out.progress(`item ${++done} of ${places.length}`);
    const found = await itemAt(deps, place.connector, place.batch, place.position);
    if (!found?.bytes) continue;
    const { blob, offset, length } = found.bytes;
    pages.add(blob);
    const name = nameOf(place);
    await files.write(`items/${name}.json`, await deps.batches.readRange(blob, offset, length));
    const { outcome, messages, run } = found;
    await files.write(
      `items/${name}.outcome.json`,
      asJson({ ...place, run, bytes: found.bytes, outcome, messages }),
    );
    const pointer = { v: pointerVersion, ...place, ...found.bytes } as const;
    const item = await readIfReadable(deps, pointer);
    if (item?.kind !== 'communication') continue;
    const id = conversationId(item);
    ids.add(id);
    if (format === 'eml') await files.write(`mails/${name}.eml`, await itemAsMail(item));
    if (format !== 'rsmf') continue;
    const instant = Date.parse(item.email.sentAt ?? item.provenance.receivedAt);
    const key = `${id} ${dayOf(instant, deps.config.fetch.dayStarts)}`;
    conversations.set(key, [...(conversations.get(key) ?? []), item]);
  }
  for (const [key, items] of conversations) {
    const [conversation = '', day = ''] = key.split(' ');
    await files.write(
      `rsmf/${conversation}-${day}.rsmf`,
      await conversationAsRsmf(items, { conversation, day }),
    );
  }
  return { conversations: [...ids], pages };
}

const asJson = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

/** The chain from the first batch of the items to its head, the pages, and the state of each batch. */
async function writeProof(deps: AppDeps, files: Files, places: readonly Place[], pages: ReadonlySet<string>) {
  const wanted = new Set(places.map(nameOf));
  for (const connector of connectorIds) {
    const batches = new Set(
      places.filter((place) => place.connector === connector).map(({ batch }) => batch),
    );
    if (batches.size === 0) continue;
    const chain: string[] = [];
    for (let number = Math.min(...batches); ; number++) {
      const bytes = await deps.batches.readBlob(manifestBlob(connector, number));
      if (!bytes) break;
      await files.write(manifestBlob(connector, number), bytes);
      chain.push(`${sha256(bytes)}  ${manifestBlob(connector, number)}`);
      if (!batches.has(number)) continue;
      const state = (await deps.batchStates.get(connector, batchRow(number)))?.value;
      const outcomes: object[] = [];
      for await (const outcome of deps.outcomes.list(batchPartition(connector, number)))
        if (
          hasOutcome(outcome) &&
          wanted.has(nameOf({ connector, batch: number, position: Number(outcome.row) }))
        )
          outcomes.push({ position: Number(outcome.row), ...outcome.value });
      await files.write(`batches/${connector}-${number}.json`, asJson({ state, outcomes }));
    }
    await files.write(`chain-${connector}.txt`, `${chain.join('\n')}\n`);
  }
  for (const blob of pages) {
    const page = await deps.batches.readBlob(blob);
    if (page) await files.write(blob, page);
  }
}

async function writeTrail(deps: AppDeps, files: Files): Promise<void> {
  for await (const number of deps.audit.list()) {
    const bytes = await deps.audit.readBytes(number);
    if (bytes) await files.write(`audit/${entryBlob(number)}`, bytes);
  }
}
