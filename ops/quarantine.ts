import * as z from 'zod';
import type { ConnectorId } from '../shared/connectors';
import type { AppDeps } from '../shared/deps';
import { reasons, type Reason } from '../shared/errors';
import { createPeople } from '../shared/evidence/people';
import { isMeant, quarantinedItems, type QuarantinedItem } from '../shared/evidence/quarantine';
import { strayPartition } from '../shared/storage/outcomes';
import { forAll, writeDown } from './acts';
import { withApp } from './app';
import { connectorInput, UsageError, verb } from './verb';

export const reasonInput = z.enum(Object.keys(reasons) as [Reason, ...Reason[]], {
  error: `expected one of ${Object.keys(reasons).join(', ')}`,
});
const connectorOption = ['--connector <id>', 'only this connector'] as const;
const reasonOption = ['--reason <reason>', 'only items with this reason'] as const;
const itemHelp = 'its id as `quarantine list` shows it, its source id, or CONNECTOR/BATCH/POSITION';
const readNeeds = 'to read tables of the evidence account';

/** The items in quarantine of one connector, or of all. */
export async function itemsIn(deps: AppDeps, connector?: ConnectorId): Promise<QuarantinedItem[]> {
  const found: QuarantinedItem[] = [];
  for (const id of connector ? [connector] : deps.config.connectors)
    found.push(...(await quarantinedItems(deps, id)));
  return found;
}

/** @throws UsageError unless exactly one item is meant */
async function itemMeant(deps: AppDeps, text: string): Promise<QuarantinedItem> {
  const found = (await itemsIn(deps)).filter((item) => isMeant(item, text));
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    found.length === 0
      ? `No item in quarantine is called ${text}. "quarantine list" shows all of them`
      : `${found.length} items are called ${text}. Use the id that "quarantine list" shows`,
  );
}

export const quarantineListVerb = verb({
  name: 'quarantine list',
  summary: 'lists the items that need a person, each once, and queue messages that nobody could carry out',
  options: [connectorOption, reasonOption, ['--acknowledged', 'also items that somebody acknowledged']],
  needs: readNeeds,
  example: '--reason unmapped',
  input: {
    connector: connectorInput.optional(),
    reason: reasonInput.optional(),
    acknowledged: z.boolean().default(false),
  },
  run: (shell, { json, asApp, connector, reason, acknowledged }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const all = (await itemsIn(deps, connector)).filter((item) => !reason || item.reason === reason);
      const items = all.filter(({ acknowledgedAt }) => acknowledged || acknowledgedAt === undefined);
      out.table(
        [
          { title: 'connector', value: ({ connector: id }) => id, whole: true },
          { title: 'reason', value: (item) => item.reason, whole: true },
          { title: 'since', value: ({ since }) => since.slice(0, 16).replace('T', ' '), whole: true },
          { title: 'place', value: placesOf },
          { title: 'id', value: ({ item }) => item.slice(0, 12), whole: true },
          { title: 'source id', value: ({ sourceId = '' }) => sourceId },
          { title: 'what is wrong', value: ({ detail }) => detail },
        ],
        items,
      );
      const hidden = all.length - items.length;
      out.print(`${items.length} items${hidden > 0 ? `, and ${hidden} that are acknowledged` : ''}.`);
      const strays = [];
      if (!connector && !reason)
        for await (const { row, value } of deps.strayMessages.list(strayPartition)) {
          const { at, queue = '', detail } = value;
          strays.push({ id: row, at, queue, detail });
          out.print(`Queue message of ${at} on ${queue || 'a queue'}: ${detail}`);
        }
      if (items.length > 0)
        out.print(
          out.faint(
            'What each is about: quarantine show ID. After the cause is mended: redrive. All reasons: docs/operations.md',
          ),
        );
      if (json) out.print(JSON.stringify({ items, messages: strays }));
      return 0;
    }),
});

const placesOf = ({ places }: QuarantinedItem) => {
  const last = places.at(-1)!;
  const others = places.length > 1 ? ` +${places.length - 1}` : '';
  return `${last.batch}/${last.position}${others}`;
};

export const quarantineShowVerb = verb({
  name: 'quarantine show',
  summary: 'shows why an item is in quarantine, who takes part in it, and who has it already',
  arguments: [['<item>', itemHelp]],
  needs: `${readNeeds}; names of users need the directory`,
  example: 'whatsapp/12/345',
  input: { item: z.string() },
  run: (shell, { json, asApp, item: text }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const found = await itemMeantByPrefix(deps, text);
      const people = createPeople(deps);
      const line = (label: string, value: string) => out.print(`  ${label.padEnd(14)}${value}`);
      out.print(out.strong(`${found.connector} ${found.sourceId ?? found.item}`));
      line('reason', `${found.reason}: ${reasons[found.reason]}`);
      line('detail', found.detail);
      line('since', found.since);
      for (const { batch, position, blob, offset, length } of found.places)
        line('place', `batch ${batch}, position ${position}: ${length} bytes at ${offset} of ${blob}`);
      for (const { asWritten, kind } of found.participants) line('participant', `${asWritten} (${kind})`);
      for (const { userId, end, reason } of found.deliveries)
        line('delivery', `${await people.name(userId)}: ${end}${reason ? `, ${reason}` : ''}`);
      if (found.acknowledgedAt) line('acknowledged', found.acknowledgedAt);
      for (const { at, by, text: words } of found.notes ?? []) line('note', `${at}, ${by}: ${words}`);
      line('id', found.item);
      if (json) out.print(JSON.stringify(found));
      return 0;
    }),
});

/** Lists show the first twelve digits of an id: they are enough if they are enough to tell it from the others. */
async function itemMeantByPrefix(deps: AppDeps, text: string): Promise<QuarantinedItem> {
  if (!/^[0-9a-f]{12,63}$/.test(text)) return itemMeant(deps, text);
  const found = (await itemsIn(deps)).filter(({ item }) => item.startsWith(text));
  return found.length === 1 ? found[0]! : itemMeant(deps, text);
}

export const quarantineNoteVerb = verb({
  name: 'quarantine note',
  summary:
    'adds a note to an item; --acknowledge takes one that nothing can mend out of the lists and counts',
  arguments: [['<item>', itemHelp]],
  options: [
    ['--text <note>', 'the note; it must not repeat anything of the item'],
    ['--acknowledge', 'nothing can mend this item'],
  ],
  needs: 'to add to the audit trail, and to send messages to the queue operator-request',
  example: 'whatsapp/12/345 --acknowledge --text "Ticket 4711: TeleMessage has no better copy"',
  input: {
    item: z.string(),
    text: z
      .string({ error: 'expected a note' })
      .min(1, 'expected a note')
      .max(2000, 'expected at most 2000 characters'),
    acknowledge: z.boolean().default(false),
  },
  run: (shell, { json, asApp, item: meant, text: note, acknowledge: acknowledged }) =>
    withApp(shell, asApp, async (deps) => {
      const { item, connector, places } = await itemMeantByPrefix(deps, meant);
      const { batch, position } = places.at(-1)!;
      const what = { act: 'note' as const, connector, item, batch, position, acknowledged, note };
      const { audit, by } = await writeDown(shell, deps, asApp, what);
      await deps.requests.operator.send({
        v: 1,
        kind: 'note',
        connector,
        item,
        by,
        note,
        acknowledged,
        audit,
      });
      shell.out.print(`The app will add the note within a minute (entry ${audit} of the audit trail).`);
      if (json) shell.out.print(JSON.stringify({ audit, item, acknowledged }));
      return 0;
    }),
});

/** Storage queues take about 2,000 messages a second. */
const sendsInFlight = 16;

export const redriveVerb = verb({
  name: 'redrive',
  summary: 'imports quarantined items again, after a mapping, a limit, a key or a permission was changed',
  options: [
    reasonOption,
    ['--item <item>', itemHelp],
    connectorOption,
    ['--dry-run', 'only show what would be imported again'],
  ],
  needs: 'to add to the audit trail, and to send messages to the queue redrive-item',
  example: '--reason unmapped --connector whatsapp',
  input: {
    connector: connectorInput.optional(),
    reason: reasonInput.optional(),
    item: z.string().optional(),
    dryRun: z.boolean().default(false),
  },
  run: (shell, { json, asApp, connector, reason, item, dryRun }) =>
    withApp(shell, asApp, async (deps) => {
      const { out } = shell;
      const all =
        item === undefined
          ? (await itemsIn(deps, connector)).filter(({ acknowledgedAt }) => acknowledgedAt === undefined)
          : [await itemMeantByPrefix(deps, item)];
      const items = all.filter(
        (one) => (!reason || one.reason === reason) && (!connector || one.connector === connector),
      );
      const places = items.flatMap((one) =>
        one.places.map((place) => ({ connector: one.connector, ...place })),
      );
      const byReason = new Map<string, number>();
      for (const one of items) byReason.set(one.reason, (byReason.get(one.reason) ?? 0) + 1);
      out.print(`${items.length} items${dryRun ? ' would be imported again' : ''}.`);
      for (const [name, many] of byReason) out.print(`  ${name.padEnd(22)}${many}`);
      let audit: number | undefined;
      if (!dryRun && items.length > 0) {
        const one = item === undefined ? {} : { batch: places[0]!.batch, position: places[0]!.position };
        const chosen = connector ?? (item === undefined ? undefined : items[0]!.connector);
        ({ audit } = await writeDown(shell, deps, asApp, {
          act: 'redrive',
          items: items.length,
          ...(chosen ? { connector: chosen } : {}),
          ...(reason ? { reason } : {}),
          ...one,
        }));
        await forAll(
          places,
          sendsInFlight,
          ({ connector: id, batch, position }) =>
            deps.requests.redrive.send({ v: 1, connector: id, batch, position, audit }),
          (done) => out.progress(`${done} of ${places.length} on their way`),
        );
        out.progress('');
        out.print(
          `They are on their way (entry ${audit} of the audit trail). "status" shows how far they are.`,
        );
      }
      if (json)
        out.print(
          JSON.stringify({ items: items.length, places: places.length, audit: audit ?? null, dryRun }),
        );
      return 0;
    }),
});
