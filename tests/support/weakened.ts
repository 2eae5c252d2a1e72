import { createHash } from 'node:crypto';
import type { Fault } from '../../verification/explore/call-faults';
import type { Stages, Weakening } from '../../verification/explore/host-model';
import { runSchedule, showSchedule, type Schedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import type { Deps } from '../../shared/deps';
import { UncertainError } from '../../shared/graph/failure';
import { importItem } from '../../shared/pipeline/import-item';
import { readItemPointer, readManifest } from '../../shared/pipeline/messages';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { manifestBlob, manifestBytes } from '../../shared/storage/manifest';
import type { Rows } from '../../shared/storage/rows.client';

/** Each protection taken away by itself, and where to look for the damage. */

/** Faults at operations; one entry per fault of the schedule. */
export type Search = {
  scenario: string;
  turns: { operation: RegExp; faults: Fault[]; invocation?: RegExp }[];
};

/** The first schedule of the search that ends in damage, with the kinds of it. */
export async function firstDamage(weakening: Weakening, { scenario: name, turns }: Search) {
  const scenario = scenarios[name]!;
  const visit = async (schedule: Schedule): Promise<{ schedule: string; kinds: string[] } | undefined> => {
    const { findings, points } = await runSchedule(scenario, schedule, weakening);
    const turn = turns[schedule.length];
    if (!turn) {
      const kinds = [...new Set(findings.map(({ kind }) => kind))];
      return findings.length > 0 ? { schedule: showSchedule(scenario, schedule), kinds } : undefined;
    }
    const after = schedule.at(-1)?.at ?? -1;
    for (const { index, operation, invocation, faults } of points) {
      if (index <= after || !turn.operation.test(operation)) continue;
      if (turn.invocation && !turn.invocation.test(invocation)) continue;
      for (const fault of turn.faults.filter((one) => faults.includes(one))) {
        const found = await visit([...schedule, { at: index, fault }]);
        if (found) return found;
      }
    }
    return undefined;
  };
  return visit([]);
}

const only =
  (
    stage: keyof Stages,
    change: (deps: Deps, world: Parameters<NonNullable<Weakening['deps']>>[2]) => Partial<Deps>,
  ) =>
  (deps: Deps, own: keyof Stages, world: Parameters<NonNullable<Weakening['deps']>>[2]): Deps =>
    own === stage ? { ...deps, ...change(deps, world) } : deps;

/** A conditional write that does not look at its condition. */
const unconditional = <T extends object>(rows: Rows<T>): Rows<T> => ({
  ...rows,
  async insert(partition, row, value) {
    await rows.put(partition, row, value);
    return (await rows.get(partition, row))?.etag;
  },
  async replace(partition, row, value) {
    await rows.put(partition, row, value);
    return (await rows.get(partition, row))?.etag;
  },
});

const long = '1970-01-01T00:00:00.000Z';

/** Splits a page as it arrives, whatever its manifest says of it. */
async function splitUnchecked(deps: Deps, blob: Buffer): Promise<void> {
  const manifest = readManifest(blob);
  const arrived = new Map<string, Buffer>();
  const pages = [];
  for (const page of manifest.pages) {
    const chunks: Buffer[] = [];
    for await (const chunk of await deps.batches.streamPage(page.blob)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    arrived.set(page.blob, bytes);
    const items = bytes.filter((byte) => byte === 0x0a).length;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    pages.push({ ...page, bytes: bytes.length, items, sha256 });
  }
  const streamPage = (name: string) =>
    Promise.resolve(
      (async function* () {
        yield await Promise.resolve(arrived.get(name)!);
      })(),
    );
  await splitBatch({ ...deps, batches: { ...deps.batches, streamPage } }, { ...manifest, pages });
}

export const weakened: { protection: string; weakening: Weakening; search: Search }[] = [
  {
    protection: 'the lease on the ledger row',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          async get(partition, row) {
            const found = await ledger.get(partition, row);
            return found && { ...found, value: { ...found.value, leaseUntil: long } };
          },
        },
      })),
    },
    search: {
      scenario: 'day',
      turns: [
        { operation: /import-item.receive/, faults: ['redeliver'] },
        { operation: /mailboxes.create/, faults: ['yield'] },
      ],
    },
  },
  {
    protection: 'the look-up on take-over',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, find: () => Promise.resolve([]) },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['crashAfter'] }] },
  },
  {
    protection: 'the look-up after a request without an answer',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: {
          ...mailboxes,
          create: (...request) =>
            mailboxes.create(...request).catch((error: unknown) => {
              if (error instanceof UncertainError) return mailboxes.create(...request);
              throw error;
            }),
        },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['lostAnswer'] }] },
  },
  {
    protection: 'the condition on changes of the ledger row',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: { ...ledger, replace: unconditional(ledger).replace },
      })),
    },
    search: {
      scenario: 'day',
      turns: [
        { operation: /mailboxes.create|ledger.insert/, faults: ['stall', 'stallAfter', 'freezeAfter'] },
      ],
    },
  },
  {
    protection: 'the insert of the ledger row only where there is none',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: { ...ledger, insert: unconditional(ledger).insert },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /import-item.receive/, faults: ['redeliver'] }] },
  },
  {
    protection: 'the end of a request before its lease ends',
    weakening: { noTimers: true },
    search: {
      scenario: 'day',
      turns: [
        { operation: /import-item.receive/, faults: ['redeliver'] },
        { operation: /mailboxes.create/, faults: ['slow'] },
      ],
    },
  },
  {
    protection: 'the look at the lease before a message is created',
    weakening: {
      deps: only('importItem', ({ now }) => {
        const startedAt = now();
        return { now: () => startedAt };
      }),
    },
    search: { scenario: 'day', turns: [{ operation: /ledger.insert/, faults: ['freezeAfter'] }] },
  },
  {
    protection: 'the lease prolonged before each request of an item that takes several',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: {
          ...mailboxes,
          create: (userId, folderId, item, { signal }) =>
            mailboxes.create(userId, folderId, item, { signal }),
        },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['tardy'] }] },
  },
  {
    protection: 'calling a claim untouched only when that is certain',
    weakening: {
      deps: only('importItem', ({ ledger, now }) => ({
        ledger: {
          ...ledger,
          replace: (partition, row, value, etag) => {
            const isRelease = value.state === 'pending' && Date.parse(value.leaseUntil) <= now();
            return ledger.replace(partition, row, isRelease ? { ...value, untouched: true } : value, etag);
          },
        },
      })),
    },
    search: {
      scenario: 'day',
      turns: [
        { operation: /mailboxes.create/, faults: ['lostAnswer'] },
        { operation: /mailboxes.find/, faults: ['error'] },
      ],
    },
  },
  {
    protection: 'the removal of what an interrupted delivery left half-made',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, remove: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.attach/, faults: ['crash'] }] },
  },
  {
    protection: 'making a message anew whose attachments were refused, so that it names them',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: {
          ...mailboxes,
          async create(...request) {
            const created = await mailboxes.create(...request);
            return created.kind === 'refused' ? { kind: 'created', messageId: created.messageId } : created;
          },
        },
      })),
    },
    search: { scenario: 'narrow', turns: [] },
  },
  {
    protection: 'the note of what is to be removed, before it is',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          replace: (partition, row, { discarded: _discarded, ...value }, etag) =>
            ledger.replace(partition, row, value, etag),
        },
      })),
    },
    search: {
      scenario: 'day',
      turns: [
        { operation: /mailboxes.complete/, faults: ['late'] },
        { operation: /mailboxes.remove/, faults: ['stall', 'lateAlone'] },
      ],
    },
  },
  {
    protection: 'the note that a take-over may have been too early',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          replace: (partition, row, { unsureAt: _unsureAt, ...value }, etag) =>
            ledger.replace(partition, row, value, etag),
        },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['crashLate'] }] },
  },
  {
    protection: 'the sweep for copies that landed late',
    weakening: {
      deps: only('reconcile', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, find: () => Promise.resolve([]) },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['late'] }] },
  },
  {
    protection: 'the settling time before the sweep',
    weakening: { settings: { SETTLING_SECONDS: '0' } },
    search: {
      scenario: 'day',
      turns: [
        { operation: /import-item.receive/, faults: ['crash'], invocation: /import 2/ },
        { operation: /timer.reconcile/, faults: ['yield'] },
        { operation: /mailboxes.create/, faults: ['lateAlone'] },
      ],
    },
  },
  {
    protection: 'room in the settling time for clocks that differ',
    weakening: { settings: { SETTLING_SECONDS: '300' } },
    search: {
      scenario: 'mails',
      turns: [
        { operation: /ledger.insert/, faults: ['late'], invocation: /import 1.1/ },
        { operation: /mailboxes.create/, faults: ['lateAlone'], invocation: /import 1.1/ },
      ],
    },
  },
  {
    protection: 'the watermark moving after the last manifest',
    weakening: {
      deps: only('fetchBatch', ({ batches, runs }) => ({
        batches: {
          ...batches,
          async commit(value) {
            await runs.moveWatermark(value.connector, value.run.to);
            return batches.commit(value);
          },
        },
      })),
    },
    search: { scenario: 'day', turns: [] },
  },
  {
    protection: 'one manifest for each number of the chain',
    weakening: {
      deps: (deps, _stage, world) => ({
        ...deps,
        batches: {
          ...deps.batches,
          async commit(value) {
            await deps.batches.read(value.connector, 1);
            const bytes = manifestBytes(value);
            world.blobs.blobs.set(manifestBlob(value.connector, value.number), bytes);
            world.blobs.onManifest?.(bytes);
            return true;
          },
        },
      }),
    },
    search: { scenario: 'again', turns: [{ operation: /batches.read/, faults: ['yield'] }] },
  },
  {
    protection: 'page names of their own for each attempt',
    weakening: { deps: only('fetchBatch', () => ({ newId: () => '00000000-0000-4000-8000-000000000000' })) },
    search: { scenario: 'day', turns: [{ operation: /batches.writePage/, faults: ['crashAfter'] }] },
  },
  {
    protection: 'the check of a page against its manifest',
    weakening: { stages: { splitBatch: splitUnchecked } },
    search: { scenario: 'day', turns: [{ operation: /batches.streamPage/, faults: ['damaged'] }] },
  },
  {
    protection: 'one outcome for each position',
    weakening: {
      deps: only('importItem', ({ outcomes, newId }) => ({
        outcomes: {
          ...outcomes,
          insert: (partition, row, value) => outcomes.insert(partition, `${row}-${newId()}`, value),
        },
      })),
    },
    search: { scenario: 'day', turns: [] },
  },
  {
    protection: 'the quarantine written before the outcome that says so',
    weakening: {
      deps: only('importItem', ({ outcomes, quarantine }) => {
        let late: (() => Promise<unknown>) | undefined;
        return {
          quarantine: {
            ...quarantine,
            insert: (...row) => {
              late = () => quarantine.insert(...row);
              return Promise.resolve('later');
            },
          },
          outcomes: {
            ...outcomes,
            async insert(...row) {
              const etag = await outcomes.insert(...row);
              await late?.();
              return etag;
            },
          },
        };
      }),
    },
    search: { scenario: 'again', turns: [{ operation: /outcomes.insert/, faults: ['crashAfter'] }] },
  },
  {
    protection: 'deferral as a new message',
    weakening: { stages: { importItem: (deps, message) => importItem(deps, readItemPointer(message)) } },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['cooling'] }] },
  },
  {
    protection: 'the end of attempts after five failures',
    weakening: { maxDequeueCount: Number.POSITIVE_INFINITY },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'the quarantine of what failed five times',
    weakening: { stages: { quarantineItem: () => Promise.resolve() } },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'what the ledger knows of an item that failed five times',
    weakening: {
      deps: only('quarantineItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          async *list() {
            // Nothing.
          },
        },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'putting back what a trigger lost',
    weakening: {
      deps: only('reconcile', ({ importQueue }) => ({
        importQueue: { ...importQueue, send: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'day', turns: [{ operation: /event.receive/, faults: ['never'] }] },
  },
  {
    protection: 'a batch closing only when nothing was redriven since it was counted',
    weakening: {
      deps: only('reconcile', ({ batchStates }) => ({ batchStates: unconditional(batchStates) })),
    },
    search: {
      scenario: 'redriven',
      turns: [{ operation: /batches.(put|get)/, invocation: /^reconcile/, faults: ['yield'] }],
    },
  },
  {
    protection: 'the count of closed batches that is not advanced over one opened meanwhile',
    weakening: {
      deps: only('reconcile', ({ runs }) => ({
        runs: {
          ...runs,
          async advanceClosedThrough(connector, number) {
            const { etag } = await runs.closedThrough(connector);
            await runs.advanceClosedThrough(connector, number, etag);
          },
        },
      })),
    },
    search: {
      scenario: 'redriven',
      turns: [{ operation: /runs.(get|insert|replace)/, invocation: /^reconcile/, faults: ['yield'] }],
    },
  },
  {
    protection: 'the write by which a closed batch is passed',
    weakening: {
      deps: only('reconcile', ({ batchStates }) => {
        const read = new Set<object>();
        return {
          batchStates: {
            ...batchStates,
            async get(partition, row) {
              const found = await batchStates.get(partition, row);
              if (found) read.add(found.value);
              return found;
            },
            replace: (partition, row, value, etag) =>
              read.has(value) ? Promise.resolve(etag) : batchStates.replace(partition, row, value, etag),
          },
        };
      }),
    },
    search: {
      scenario: 'redriven',
      turns: [
        { operation: /outcomes.replace/, invocation: /^redrive/, faults: ['freezeAfter'] },
        { operation: /batches.replace/, invocation: /^redrive/, faults: ['stall'] },
      ],
    },
  },
  {
    protection: 'opening a batch again only as it was when the redrive began',
    weakening: {
      deps: only('redriveItem', ({ batchStates }) => ({ batchStates: unconditional(batchStates) })),
    },
    search: {
      scenario: 'redriven',
      turns: [
        { operation: /outcomes.replace/, invocation: /^redrive/, faults: ['freezeAfter'] },
        { operation: /batches.put/, invocation: /^redrive/, faults: ['crashAfter', 'stall'] },
      ],
    },
  },
  {
    protection: 'the mark of an item that is put back',
    weakening: {
      deps: only('redriveItem', ({ outcomes }) => ({
        outcomes: { ...outcomes, replace: (_partition, _row, _value, etag) => Promise.resolve(etag) },
      })),
    },
    search: { scenario: 'redriven', turns: [] },
  },
  {
    protection: 'the end of quarantine for what ended well after a redrive',
    weakening: {
      deps: only('reconcile', ({ quarantine }) => ({
        quarantine: { ...quarantine, remove: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'redriven', turns: [] },
  },
  {
    protection: 'the removal of a note in quarantine that came after the item had ended well',
    weakening: {
      deps: only('importItem', ({ quarantine }) => ({
        quarantine: { ...quarantine, remove: () => Promise.resolve() },
      })),
    },
    search: {
      scenario: 'redriven',
      turns: [{ operation: /quarantine.insert/, invocation: /^import/, faults: ['freeze'] }],
    },
  },
  {
    protection: 'the condition on changes of what is known of a batch',
    weakening: { deps: (deps) => ({ ...deps, batchStates: unconditional(deps.batchStates) }) },
    search: { scenario: 'day', turns: [{ operation: /batches.put|import-item.send/, faults: ['freeze'] }] },
  },
];
