import { createHash } from 'node:crypto';
import type { Fault } from '../../verification/explore/call-faults';
import type { Environment } from '../../verification/explore/environment';
import type { Stages, Weakening } from '../../verification/explore/host-model';
import { runSchedule, showSchedule, type Schedule } from '../../verification/explore/run';
import { scenarios } from '../../verification/explore/scenarios';
import type { Deps } from '../../shared/deps';
import { UncertainError } from '../../shared/graph/failure';
import { readManifest } from '../../shared/pipeline/messages';
import { splitBatch } from '../../shared/pipeline/split-batch';
import { manifestBlob, manifestBytes } from '../../shared/storage/manifest';
import type { Rows } from '../../shared/storage/rows.client';

/** Each protection of the pipeline, how to take it away, and which faults then do damage. */

/** Which schedules to try: one injection after the other, at every point that fits. */
export interface Search {
  scenario: string;
  injections: { operation: RegExp; faults: Fault[]; invocation?: RegExp }[];
}

/** The first schedule of the search that loses, duplicates or miscounts an item. */
export async function firstDamage(weakening: Weakening, { scenario: name, injections }: Search) {
  const scenario = scenarios[name]!;
  const visit = async (schedule: Schedule): Promise<{ schedule: string; kinds: string[] } | undefined> => {
    const { findings, points } = await runSchedule(scenario, schedule, weakening);
    const injection = injections[schedule.length];
    if (!injection) {
      const kinds = [...new Set(findings.map(({ kind }) => kind))];
      return findings.length > 0 ? { schedule: showSchedule(scenario, schedule), kinds } : undefined;
    }
    const after = schedule.at(-1)?.at ?? -1;
    for (const { index, operation, invocation, faults } of points) {
      if (index <= after || !injection.operation.test(operation)) continue;
      if (injection.invocation && !injection.invocation.test(invocation)) continue;
      for (const fault of injection.faults.filter((one) => faults.includes(one))) {
        const found = await visit([...schedule, { at: index, fault }]);
        if (found) return found;
      }
    }
    return undefined;
  };
  return visit([]);
}

/** Changes the dependencies of one stage only. */
const only =
  (stage: keyof Stages, change: (deps: Deps, environment: Environment) => Partial<Deps>) =>
  (deps: Deps, own: keyof Stages, environment: Environment): Deps =>
    own === stage ? { ...deps, ...change(deps, environment) } : deps;

/** Rows whose conditional writes ignore their condition. */
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

const longAgo = '1970-01-01T00:00:00.000Z';

/** Splits each page as it arrives, without comparing it with its manifest. */
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
            return found && { ...found, value: { ...found.value, leaseUntil: longAgo } };
          },
        },
      })),
    },
    search: {
      scenario: 'day',
      injections: [
        { operation: /import-item.receive/, faults: ['redeliver'] },
        { operation: /mailboxes.create/, faults: ['yield'] },
      ],
    },
  },
  {
    protection: 'the look-up in the mailbox when a delivery is taken over',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, find: () => Promise.resolve([]) },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['crashAfter'] }] },
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
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['lostAnswer'] }] },
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
      injections: [
        { operation: /mailboxes.create|ledger.insert/, faults: ['stall', 'stallAfter', 'freezeAfter'] },
      ],
    },
  },
  {
    protection: 'the rule that a ledger row is inserted only if none exists',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: { ...ledger, insert: unconditional(ledger).insert },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /import-item.receive/, faults: ['redeliver'] }] },
  },
  {
    protection: 'the time-out that ends a request before its lease ends',
    weakening: { noTimers: true },
    search: {
      scenario: 'day',
      injections: [
        { operation: /import-item.receive/, faults: ['redeliver'] },
        { operation: /mailboxes.create/, faults: ['slow'] },
      ],
    },
  },
  {
    protection: 'the check of the lease before a message is created',
    weakening: {
      deps: only('importItem', ({ now }) => {
        const startedAt = now();
        return { now: () => startedAt };
      }),
    },
    search: { scenario: 'day', injections: [{ operation: /ledger.insert/, faults: ['freezeAfter'] }] },
  },
  {
    protection: 'the extension of the lease before each request of an item that takes several',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: {
          ...mailboxes,
          create: (userId, folderId, item, { signal }) =>
            mailboxes.create(userId, folderId, item, { signal }),
        },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['tardy'] }] },
  },
  {
    protection: 'the rule that a claim counts as untouched only if nothing can have been created',
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
      injections: [
        { operation: /mailboxes.create/, faults: ['lostAnswer'] },
        { operation: /mailboxes.find/, faults: ['error'] },
      ],
    },
  },
  {
    protection: 'the rule that a claim counts as touched from the first of several requests on',
    weakening: {
      deps: only('importItem', ({ ledger, now }) => ({
        ledger: {
          ...ledger,
          replace: (partition, row, value, etag) => {
            const isRelease = value.state === 'pending' && Date.parse(value.leaseUntil) <= now();
            const untouched = isRelease && value.unsureAt === undefined;
            return ledger.replace(partition, row, untouched ? { ...value, untouched } : value, etag);
          },
        },
      })),
    },
    search: {
      scenario: 'redriven',
      injections: [
        { operation: /mailboxes.attach/, faults: ['full'] },
        { operation: /mailboxes.remove/, faults: ['throttled'] },
      ],
    },
  },
  {
    protection: 'the doubt about a delivery that was under way when its item was given up',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          async *list(...query) {
            for await (const one of ledger.list(...query))
              yield { ...one, value: { ...one.value, untouched: true } };
          },
        },
      })),
    },
    search: {
      scenario: 'day',
      injections: [
        { operation: /mailboxes.create/, faults: ['crashAfter'] },
        { operation: /itemReader.read/, faults: ['deadline'] },
        { operation: /itemReader.read/, faults: ['deadline'] },
      ],
    },
  },
  {
    protection: 'the wait of an outcome for other attempts that may deliver to others',
    weakening: {
      deps: only('importItem', ({ outcomes }) => ({
        outcomes: {
          ...outcomes,
          async get(partition, row) {
            const stored = await outcomes.get(partition, row);
            delete stored?.value.attempts?.delivering;
            return stored;
          },
        },
      })),
    },
    search: {
      scenario: 'mails',
      injections: [
        { operation: /^ledger.insert/, faults: ['stall'], invocation: /^import 1.0/ },
        { operation: /^import-item.receive/, faults: ['mappingChanged'], invocation: /^import 1.0/ },
        { operation: /^outcomes.list/, faults: ['error'], invocation: /^reconcile/ },
      ],
    },
  },
  {
    protection: 'the look-up in the folder that an earlier attempt used',
    weakening: {
      deps: only('importItem', ({ mailboxes }, { tenant }) => ({
        mailboxes: {
          ...mailboxes,
          find: (userId, folderId, itemKey) =>
            tenant.mailboxes.get(userId)?.folderId === folderId
              ? mailboxes.find(userId, folderId, itemKey)
              : Promise.resolve([]),
        },
      })),
    },
    search: {
      scenario: 'day',
      injections: [
        { operation: /mailboxes.create/, faults: ['crashAfter'] },
        { operation: /mailboxes.folder/, faults: ['folderMoved'] },
      ],
    },
  },
  {
    protection: 'the origin of a copy that a take-over finds',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: {
          ...mailboxes,
          find: async (...query) =>
            (await mailboxes.find(...query)).map(({ batch: _batch, position: _position, ...copy }) => copy),
        },
      })),
    },
    search: {
      scenario: 'again',
      injections: [
        { operation: /mailboxes.create/, faults: ['crashLate'] },
        { operation: /mailboxes.create/, faults: ['timeOut'] },
      ],
    },
  },
  {
    protection: 'the removal of the incomplete message that an interrupted delivery left',
    weakening: {
      deps: only('importItem', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, remove: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.attach/, faults: ['crash'] }] },
  },
  {
    protection: 'the second message, which names the attachments that were refused',
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
    search: { scenario: 'narrow', injections: [] },
  },
  {
    protection: 'the note in the ledger of a message that is about to be removed',
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
      injections: [
        { operation: /mailboxes.complete/, faults: ['late'] },
        { operation: /mailboxes.remove/, faults: ['stall', 'lateAlone'] },
      ],
    },
  },
  {
    protection: 'the note in the ledger that a take-over may have come too early',
    weakening: {
      deps: only('importItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          replace: (partition, row, { unsureAt: _unsureAt, ...value }, etag) =>
            ledger.replace(partition, row, value, etag),
        },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['crashLate'] }] },
  },
  {
    protection: 'the sweep for copies that landed late',
    weakening: {
      deps: only('reconcile', ({ mailboxes }) => ({
        mailboxes: { ...mailboxes, find: () => Promise.resolve([]) },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['late'] }] },
  },
  {
    protection: 'the settling time before the sweep',
    weakening: {
      deps: (deps) => ({
        ...deps,
        config: { ...deps.config, reconcile: { ...deps.config.reconcile, settlingMs: 0 } },
      }),
    },
    search: {
      scenario: 'day',
      injections: [
        { operation: /import-item.receive/, faults: ['crash'], invocation: /import 2/ },
        { operation: /timer.reconcile/, faults: ['yield'] },
        { operation: /mailboxes.create/, faults: ['lateAlone'] },
      ],
    },
  },
  {
    protection: 'the part of the settling time that covers clocks that differ',
    weakening: { settings: { SETTLING_SECONDS: '300' } },
    search: {
      scenario: 'mails',
      injections: [
        { operation: /ledger.insert/, faults: ['late'], invocation: /import 1.1/ },
        { operation: /mailboxes.create/, faults: ['lateAlone'], invocation: /import 1.1/ },
      ],
    },
  },
  {
    protection: 'the rule that the watermark moves only after the last manifest',
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
    search: { scenario: 'day', injections: [] },
  },
  {
    protection: 'the rule of one manifest per number of the chain',
    weakening: {
      deps: (deps, _stage, environment) => ({
        ...deps,
        batches: {
          ...deps.batches,
          async commit(value) {
            await deps.batches.read(value.connector, 1);
            const bytes = manifestBytes(value);
            environment.blobs.blobs.set(manifestBlob(value.connector, value.number), bytes);
            environment.blobs.onManifest?.(bytes);
            return true;
          },
        },
      }),
    },
    search: { scenario: 'again', injections: [{ operation: /batches.read/, faults: ['yield'] }] },
  },
  {
    protection: 'the page names that no other attempt uses',
    weakening: { deps: only('fetchBatch', () => ({ newId: () => '00000000-0000-4000-8000-000000000000' })) },
    search: { scenario: 'day', injections: [{ operation: /batches.writePage/, faults: ['crashAfter'] }] },
  },
  {
    protection: 'the check of a page against its manifest',
    weakening: { stages: { splitBatch: splitUnchecked } },
    search: { scenario: 'day', injections: [{ operation: /batches.streamPage/, faults: ['damaged'] }] },
  },
  {
    protection: 'the rule of one outcome per position',
    weakening: {
      deps: only('importItem', ({ outcomes, newId }) => ({
        outcomes: {
          ...outcomes,
          insert: (partition, row, value) => outcomes.insert(partition, `${row}-${newId()}`, value),
        },
      })),
    },
    search: { scenario: 'day', injections: [] },
  },
  {
    protection: 'the rule that the quarantine row is written before the outcome that refers to it',
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
    search: { scenario: 'again', injections: [{ operation: /outcomes.insert/, faults: ['crashAfter'] }] },
  },
  {
    protection: 'the look into the row of an item that another attempt has begun',
    weakening: {
      deps: only('importItem', ({ outcomes }) => ({
        outcomes: {
          ...outcomes,
          // Whoever was first seems to have ended it.
          async get(partition, row) {
            const found = await outcomes.get(partition, row);
            return found && { ...found, value: { ...found.value, kind: 'delivered' as const } };
          },
        },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /ledger.insert/, faults: ['crash'] }] },
  },
  {
    protection: 'the limit of five attempts',
    weakening: { maxDequeueCount: Number.POSITIVE_INFINITY },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'the quarantine of an item that failed five times',
    weakening: { stages: { quarantineItem: () => Promise.resolve() } },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'the look-up in the ledger of what an item that failed five times has delivered',
    weakening: {
      deps: only('quarantineItem', ({ ledger }) => ({
        ledger: {
          ...ledger,
          async *list() {
            // The ledger seems to be empty.
          },
        },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /mailboxes.create/, faults: ['broken'] }] },
  },
  {
    protection: 'the requeuing of items that a trigger lost',
    weakening: {
      deps: only('reconcile', ({ importQueue }) => ({
        importQueue: { ...importQueue, send: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'day', injections: [{ operation: /event.receive/, faults: ['never'] }] },
  },
  {
    protection: 'the rule that a batch closes only if no item was redriven since the count',
    weakening: {
      deps: only('reconcile', ({ batchStates }) => ({ batchStates: unconditional(batchStates) })),
    },
    search: {
      scenario: 'redriven',
      injections: [{ operation: /batches.(put|get)/, invocation: /^reconcile/, faults: ['yield'] }],
    },
  },
  {
    protection: 'the rule that the closed-through mark does not pass a batch that was reopened meanwhile',
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
      injections: [{ operation: /runs.(get|insert|replace)/, invocation: /^reconcile/, faults: ['yield'] }],
    },
  },
  {
    protection: 'the unchanged rewrite of a closed batch, which makes a concurrent redrive fail',
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
      injections: [
        { operation: /outcomes.replace/, invocation: /^redrive/, faults: ['freezeAfter'] },
        { operation: /batches.replace/, invocation: /^redrive/, faults: ['stall'] },
      ],
    },
  },
  {
    protection: 'the rule that a redrive reopens a batch only in the state that it has read',
    weakening: {
      deps: only('redriveItem', ({ batchStates }) => ({ batchStates: unconditional(batchStates) })),
    },
    search: {
      scenario: 'redriven',
      injections: [
        { operation: /outcomes.replace/, invocation: /^redrive/, faults: ['freezeAfter'] },
        { operation: /batches.put/, invocation: /^redrive/, faults: ['crashAfter', 'stall'] },
      ],
    },
  },
  {
    protection: 'the mark of an item that is redriven',
    weakening: {
      deps: only('redriveItem', ({ outcomes }) => ({
        outcomes: { ...outcomes, replace: (_partition, _row, _value, etag) => Promise.resolve(etag) },
      })),
    },
    search: { scenario: 'redriven', injections: [] },
  },
  {
    protection: 'the removal from quarantine of an item that succeeded after a redrive',
    weakening: {
      deps: only('reconcile', ({ quarantine }) => ({
        quarantine: { ...quarantine, remove: () => Promise.resolve() },
      })),
    },
    search: { scenario: 'redriven', injections: [] },
  },
  {
    protection: 'the removal of a quarantine row that was written after the item had succeeded',
    weakening: {
      deps: only('importItem', ({ quarantine }) => ({
        quarantine: { ...quarantine, remove: () => Promise.resolve() },
      })),
    },
    search: {
      scenario: 'redriven',
      injections: [{ operation: /quarantine.insert/, invocation: /^import/, faults: ['freeze'] }],
    },
  },
  {
    protection: 'the condition on changes of the state of a batch',
    weakening: { deps: (deps) => ({ ...deps, batchStates: unconditional(deps.batchStates) }) },
    search: {
      scenario: 'day',
      injections: [{ operation: /batches.put|import-item.send/, faults: ['freeze'] }],
    },
  },
];
