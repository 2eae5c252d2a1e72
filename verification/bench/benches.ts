import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appFolder } from '../../local/bundles';
import { counted, median, paired, type Bench, type Figure } from './figure';
import { operationsAfter } from './history';
import { chatLine, fileLine, mailLine } from './lines';
import { inOwnProcess, repetitions, shuffled, type Taken } from './measure';
import { startServer, startServices, type Services } from './start-servers';
import { leastMs, simulate, type Plan, type Simulated } from './simulation';

const MB = 1024 * 1024;
const cpu = (all: readonly Taken[]) => all.map(({ cpuMs }) => cpuMs);
const wall = (all: readonly Taken[]) => all.map(({ wallMs }) => wallMs);
/** `batchSize` and `newBatchThreshold` of host.json together. */
const slots = 256;

interface PageOf {
  file: string;
  offset: number;
  bytes: number;
  items: number;
  sha256: string;
}

/** A file of lines, cut into pages of so many. */
function pagesIn(
  folder: string,
  name: string,
  lines: number,
  perPage: number,
  lineOf: (index: number) => Buffer,
) {
  const file = join(folder, `${name}.ndjson`);
  const all: Buffer[] = [];
  const pages: PageOf[] = [];
  let offset = 0;
  for (let first = 0; first < lines; first += perPage) {
    const items = Math.min(perPage, lines - first);
    const page = Buffer.concat(Array.from({ length: items }, (_, index) => lineOf(first + index)));
    pages.push({
      file,
      offset,
      bytes: page.length,
      items,
      sha256: createHash('sha256').update(page).digest('hex'),
    });
    offset += page.length;
    all.push(page);
  }
  writeFileSync(file, Buffer.concat(all));
  return pages;
}

const split: Bench = {
  name: 'split',
  about: 'splitting a batch into pointers, against reading its pages and taking their SHA-256 (CPU)',
  async run(tell) {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'));
    const ended = (text: string) => Buffer.from(`${text}\n`);
    const small = (index: number) => ended(`{"messageId":"${index}","textContent":"${'x'.repeat(560)}"}`);
    const mixed = (index: number) =>
      ended(`{"messageId":"${index}","content":"${'A'.repeat(index % 50 === 0 ? 400_000 : 2000)}"}`);
    const feeds = {
      'a real mix of items': [pagesIn(folder, 'mixed', 20_000, 250, mixed), 1.1],
      'small items in pages of 250': [pagesIn(folder, 'pages', 400_000, 250, small), 1.15],
      'small items in one page': [pagesIn(folder, 'page', 296_000, 296_000, small), 1.15],
    } as const;
    try {
      const figures: Figure[] = [];
      for (const [name, [pages, goal]] of Object.entries(feeds)) {
        const { ours, other } = await shuffled(
          {
            ours: () => inOwnProcess('split', { pages }),
            other: () => inOwnProcess('readAndHash', { pages }),
          },
          (step) => tell(`${name}, ${step}`),
        );
        const figure = { name: `split, ${name}`, against: 'read + SHA-256', unit: 'ms CPU', goal };
        figures.push(paired(figure, cpu(ours), cpu(other)));
      }
      return figures;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const fetchBench: Bench = {
  name: 'fetch',
  about: '200 MB of the site into a blob, against streaming them (CPU)',
  async run(tell) {
    const figures: Figure[] = [];
    for (const gzip of [false, true]) {
      const server = await startServer('bytes', { bytes: 200 * MB, gzip });
      const variant = (how: string) => () => inOwnProcess('fetch', { origin: server.origin, how });
      const how = gzip ? 'fetch, gzip' : 'fetch';
      const all = await shuffled(
        {
          ours: variant('ours'),
          plain: variant('plain'),
          plainAndHash: variant('plainAndHash'),
          unseen: variant('unseen'),
        },
        (step) => tell(`${how}, ${step}`),
      ).finally(() => server.close());
      const figure = { name: how, unit: 'ms CPU' };
      figures.push(
        paired({ ...figure, against: 'streaming into a blob', goal: 1.1 }, cpu(all.ours), cpu(all.plain)),
        paired({ ...figure, against: 'the same + SHA-256', goal: 1.1 }, cpu(all.ours), cpu(all.plainAndHash)),
      );
      if (!gzip)
        figures.push(
          paired({ ...figure, against: 'streaming, unseen', goal: 1.3 }, cpu(all.ours), cpu(all.unseen)),
        );
    }
    return figures;
  },
};

/** Imports the lines, with a warm-up, in a fresh store for each run: an item is imported once. */
async function imported(
  services: Services,
  lines: readonly Buffer[],
  { part = 'import', warmUp = 0, inFlight = slots }: ImportOptions = {},
): Promise<Taken> {
  const { pointers } = await services.store('whatsapp', lines);
  return inOwnProcess(part, { settings: services.settings, pointers, slots: inFlight, warmUp });
}
interface ImportOptions {
  part?: 'import' | 'naive';
  warmUp?: number;
  inFlight?: number;
}

let made = 0;
/** Lines that no run before has imported. */
const freshLines = (count: number, mailboxOf: (index: number) => number) =>
  Array.from({ length: count }, (_, index) => chatLine(made++, mailboxOf(index), { outsider: index % 300 }));

const costs: Bench = {
  name: 'costs',
  about: 'what one small item costs: requests, storage operations, log, CPU',
  async run(tell) {
    const services = await startServices({ mailboxes: 50 });
    try {
      const items = 800;
      const warmUp = 200;
      const lines = () => freshLines(items + warmUp, (index) => index % 50);
      const { ours, naive } = await shuffled(
        {
          ours: () => imported(services, lines(), { warmUp, inFlight: 64 }),
          naive: () => imported(services, lines(), { part: 'naive', warmUp, inFlight: 64 }),
        },
        tell,
      );
      const per = (name: string) => median(ours.map(({ counts }) => counts[name]! / items));
      const figure = { name: 'CPU per small delivery', against: 'naive client, not crash-safe', unit: 'ms' };
      return [
        counted({
          name: 'Graph requests per delivery',
          ours: per('graph'),
          other: 1,
          against: 'the least',
          unit: '',
          goal: 1.1,
        }),
        counted({
          name: 'storage operations per item',
          // The pointer was put on the queue by the split.
          ours: per('storage') + 1,
          other: 6,
          against: 'the limit set',
          unit: '',
          goal: 1,
        }),
        counted({
          name: 'log per item',
          ours: per('loggedBytes'),
          other: 300,
          against: 'the limit set',
          unit: 'bytes',
          goal: 1,
        }),
        paired(
          { ...figure, goal: 2 },
          cpu(ours).map((ms) => ms / items),
          cpu(naive).map((ms) => ms / items),
        ),
      ];
    } finally {
      await services.close();
    }
  },
};

const pipeline: Bench = {
  name: 'pipeline',
  about:
    'splitting and importing small items, against the usual way: a blob per item, mailparser, no ledger (CPU)',
  async run(tell) {
    const services = await startServices({ mailboxes: 50 });
    const items = 300;
    const feeds = {
      whatsapp: ['chats', (index: number) => chatLine(made++, index % 50)],
      wechat: ['mails', (index: number) => mailLine(made++, index % 50, 1000)],
    } as const;
    const run = async (part: 'import' | 'naive', connector: keyof typeof feeds) => {
      const lines = (count: number) =>
        Array.from({ length: count }, (_, index) => feeds[connector][1](index));
      const { pointers } = await services.store(connector, lines(100));
      const { manifest } = await services.store(connector, lines(items));
      const { settings } = services;
      return inOwnProcess(part, { settings, pointers, manifest, slots: 64, warmUp: pointers.length });
    };
    try {
      const figures: Figure[] = [];
      for (const connector of ['whatsapp', 'wechat'] as const) {
        const { ours, naive } = await shuffled(
          { ours: () => run('import', connector), naive: () => run('naive', connector) },
          (step) => tell(`${feeds[connector][0]}, ${step}`),
        );
        const per = (all: readonly Taken[]) => cpu(all).map((ms) => ms / items);
        const name = `split and import of small ${feeds[connector][0]}, per item`;
        figures.push(
          paired({ name, against: 'naive pipeline', unit: 'ms CPU', goal: 2 }, per(ours), per(naive)),
        );
      }
      return figures;
    } finally {
      await services.close();
    }
  },
};

const day: Plan = {
  items: 2000,
  mailboxOf: (item) => item % 50,
  instances: 1,
  slots,
  graphMs: 150,
  storageMs: 5,
};
const simulated = (name: string, plan: Plan, result: Simulated, goal: number): Figure =>
  counted({
    name,
    ours: result.tookMs / 1000,
    other: leastMs(plan) / 1000,
    against: 'latency and limits',
    unit: 's',
    goal,
  });

const latency: Bench = {
  name: 'latency',
  about: '2,000 items to 50 mailboxes, 150 ms a request, against the time that latency and limits allow',
  async run(tell) {
    const services = await startServices({ mailboxes: 50, latencyMs: 150 });
    const real = { few: { ...day, slots: 24 }, shipped: day };
    let taken: Record<keyof typeof real, Taken[]>;
    try {
      const lines = () => freshLines(2050, (index) => index % 50);
      taken = await shuffled(
        {
          few: () => imported(services, lines(), { warmUp: 50, inFlight: real.few.slots }),
          shipped: () => imported(services, lines(), { warmUp: 50 }),
        },
        tell,
      );
    } finally {
      await services.close();
    }
    const onThisMachine = (name: keyof typeof real) =>
      paired(
        {
          name: `2,000 items, this machine, ${real[name].slots} in flight`,
          ...{ against: 'latency and limits', unit: 'ms', goal: 1.5 },
        },
        wall(taken[name]),
        taken[name].map(() => leastMs(real[name])),
      );
    tell('in virtual time');
    const fewer = { ...day, slots: 64 };
    const near = { ...day, slots: 64, storageMs: 1, items: 20_000 };
    const many = {
      ...day,
      instances: 100,
      items: 20_000,
      mailboxOf: (item: number) => item % 2000,
      slots: 64,
    };
    return [
      onThisMachine('few'),
      onThisMachine('shipped'),
      simulated('2,000 items, virtual time, 256 in flight', day, await simulate(day), 1.05),
      simulated('2,000 items, virtual time, 64 in flight', fewer, await simulate(fewer), 1.05),
      simulated('20,000 items, 64 in flight, storage 1 ms', near, await simulate(near), 1.05),
      simulated('20,000 items, 100 instances', many, await simulate(many), 1.05),
    ];
  },
};

const hot: Bench = {
  name: 'hot',
  about:
    'a mailbox that gets a large share of the items: put-offs, operations, and how much later the others are done',
  async run(tell) {
    const figures: Figure[] = [];
    const services = await startServices({ mailboxes: 50, latencyMs: 150 });
    try {
      tell('on this machine');
      const lines = freshLines(1050, (index) => (index % 5 === 0 ? 0 : 1 + (index % 49)));
      const { counts } = await imported(services, lines, { warmUp: 50 });
      const name = 'a fifth of the items for one mailbox, this machine';
      figures.push(
        counted({
          name: `${name}: storage operations per item`,
          ours: counts['storage']! / 1000 + 1,
          ...{ other: 7, against: 'the limit set', unit: '', goal: 1 },
        }),
        counted({
          name: `${name}: put-offs per item`,
          ours: counts['putOffs']! / 1000,
          ...{ other: 0.2, against: 'the limit set', unit: '', goal: 1 },
        }),
      );
    } finally {
      await services.close();
    }
    tell('in virtual time');
    const others = (plan: Plan, { endedAt }: Simulated) =>
      endedAt.reduce((most, at, item) => (plan.mailboxOf(item) === 0 ? most : Math.max(most, at)), 0);
    for (const [share, every] of [
      ['half', 2],
      ['a fifth', 5],
    ] as const) {
      let other = 0;
      const mailboxes = Array.from({ length: day.items }, (_, item) =>
        item % every === 0 ? 0 : 1 + (other++ % 49),
      );
      const plan = { ...day, mailboxOf: (item: number) => mailboxes[item]! };
      const rest = mailboxes.filter((mailbox) => mailbox !== 0);
      const alone = { ...day, items: rest.length, mailboxOf: (item: number) => rest[item]! };
      const [with_, without] = [await simulate(plan), await simulate(alone)];
      const name = `${share} of the items for one mailbox`;
      figures.push(
        counted({
          name: `${name}: the others are done`,
          ours: others(plan, with_) / 1000,
          other: without.tookMs / 1000,
          against: 'without it',
          unit: 's',
          goal: 1.05,
        }),
        counted({
          name: `${name}: all are done`,
          ours: with_.tookMs / 1000,
          other: leastMs(plan) / 1000,
          against: 'its own limit',
          unit: 's',
          goal: 1.05,
        }),
        counted({
          name: `${name}: put-offs per item`,
          ours: with_.putOffs / plan.items,
          other: 0.2,
          against: 'the limit set',
          unit: '',
          goal: 1,
        }),
      );
    }
    return figures;
  },
};

const throttled: Bench = {
  name: 'throttled',
  about: 'a tenant that throttles every tenth request',
  async run() {
    const plan = { ...day, throttleEvery: 10 };
    const [plain, result] = [await simulate(day), await simulate(plan)];
    // Every tenth is refused, so that n useful ones need n ÷ 0.9.
    const least = plain.graphRequests / 0.9;
    return [
      counted({
        name: 'requests, every tenth throttled',
        ours: result.graphRequests,
        other: least,
        against: 'the least possible',
        unit: '',
        goal: 1.15,
      }),
      counted({
        name: 'items lost, failed or filed twice',
        ours: result.failed + result.duplicates,
        other: 1,
        against: 'none',
        unit: '',
        goal: 0,
      }),
    ];
  },
};

const memory: Bench = {
  name: 'memory',
  about: 'peak memory above idle while large items are imported',
  async run(tell) {
    const own = { WHATSAPP_SIZE_LIMIT_MB: '150', WECHAT_SIZE_LIMIT_MB: '150' };
    const figures: Figure[] = [];
    const feeds = {
      'eight chats of 10 MB at once': [
        () => Array.from({ length: 8 }, () => fileLine(made++, made % 8, 9.9 * MB)),
        150,
        'whatsapp',
      ],
      'eight mails of 10 MB at once': [
        () => Array.from({ length: 8 }, () => mailLine(made++, made % 8, 9.9 * MB)),
        150,
        'wechat',
      ],
      'one chat of 149 MB': [() => [fileLine(made++, 1, 149 * MB)], 200, 'whatsapp'],
      'one mail of 149 MB': [() => [mailLine(made++, 1, 149 * MB)], 200, 'wechat'],
    } as const;
    for (const [name, [lines, limitMb, connector]] of Object.entries(feeds)) {
      const peaks: number[] = [];
      const services = await startServices({ mailboxes: 8 }, { ...own, LINE_MAX_MB: '480' });
      try {
        for (let round = 0; round < repetitions; round++) {
          tell(`${name}, round ${round + 1} of ${repetitions}`);
          const warm = Array.from({ length: 8 }, () =>
            connector === 'whatsapp' ? fileLine(made++, made % 8, 1000) : mailLine(made++, made % 8, 1000),
          );
          const { pointers } = await services.store(connector, [...warm, ...lines()]);
          const { settings } = services;
          const taken = await inOwnProcess('import', { settings, pointers, slots: 8, warmUp: warm.length });
          peaks.push(taken.peakBytes / MB);
        }
      } finally {
        await services.close();
      }
      const figure = { name: `memory, ${name}`, against: 'the limit set', unit: 'MB', goal: 1 };
      figures.push(
        paired(
          figure,
          peaks,
          peaks.map(() => limitMb),
        ),
      );
    }
    return figures;
  },
};

const load: Bench = {
  name: 'load',
  about: 'loading the staged app, as a cold start does',
  async run(tell) {
    const folder = mkdtempSync(join(tmpdir(), 'bench-'));
    try {
      tell('staging');
      const staged = join(folder, 'app');
      execFileSync(process.execPath, [join(appFolder, 'scripts/stage.mjs'), staged], { stdio: 'ignore' });
      const empty = join(folder, 'empty.js');
      writeFileSync(empty, '');
      const bytes = readdirSync(staged).reduce((sum, file) => sum + statSync(join(staged, file)).size, 0);
      const all = await shuffled(
        {
          app: () => inOwnProcess('load', { file: join(staged, 'main.js') }),
          empty: () => inOwnProcess('load', { file: empty }),
        },
        tell,
      );
      const more = wall(all.app).map((ms, at) => ms - wall(all.empty)[at]!);
      return [
        paired(
          { name: 'cold load above an empty file', against: 'the limit set', unit: 'ms', goal: 1 },
          more,
          more.map(() => 100),
        ),
        counted({
          name: 'published folder',
          ours: bytes / MB,
          other: 5,
          against: 'the limit set',
          unit: 'MB',
          goal: 1,
        }),
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const million: Bench = {
  name: 'million',
  about: 'a day of a million items in virtual time: does an item cost the same, and the memory stay flat?',
  async run(tell) {
    const { graphMs, storageMs } = day;
    const half = (items: number) =>
      inOwnProcess('simulate', { items, mailboxes: 1000, instances: 2, slots, graphMs, storageMs });
    const few = 40_000;
    const many = 1_000_000;
    const named = (items: number) => `${items.toLocaleString('en')} items`;
    tell(named(few));
    const small = await Promise.all([half(few / 2), half(few / 2)]);
    tell(`${named(many)}, in two processes`);
    const large = await Promise.all([half(many / 2), half(many / 2)]);
    const sum = (all: readonly Taken[], of: (taken: Taken) => number) =>
      all.reduce((total, one) => total + of(one), 0);
    const perItem = (name: string, unit: string, goal: number, of: (taken: Taken) => number) =>
      counted({
        ...{ name, unit, goal, against: named(few) },
        ours: sum(large, of) / many,
        other: sum(small, of) / few,
      });
    const memoryOf = ({ peakBytes }: Taken) => peakBytes / MB;
    return [
      perItem(`CPU per item, ${named(many)}`, 'ms', 1.15, ({ cpuMs }) => cpuMs),
      perItem('operations per item', '', 1.02, ({ counts }) => counts['storageOperations']!),
      perItem('requests per item', '', 1.02, ({ counts }) => counts['graphRequests']!),
      counted({
        ...{ name: 'memory above idle', unit: 'MB', goal: 1.25, against: named(few) },
        ours: sum(large, memoryOf),
        other: sum(small, memoryOf),
      }),
      counted({
        ...{ name: 'the day with four instances', unit: 's', goal: 1.05, against: 'latency and limits' },
        ours: Math.max(...large.map(({ counts }) => counts['tookMs']! / 1000)),
        other: Math.max(...large.map(({ counts }) => counts['leastMs']! / 1000)),
      }),
    ];
  },
};

const history: Bench = {
  name: 'history',
  about: 'storage operations of the two timers after years',
  async run(tell) {
    tell('10 days');
    const few = await operationsAfter(10);
    tell('3,000 days');
    const many = await operationsAfter(3000);
    return (['fetch', 'reconcile'] as const).map((timer) =>
      counted({
        name: `${timer} after 3,000 days`,
        ours: many[timer],
        other: few[timer],
        against: 'after 10 days',
        unit: 'operations',
        goal: 1,
      }),
    );
  },
};

export const benches: readonly Bench[] = [
  split,
  fetchBench,
  costs,
  pipeline,
  latency,
  hot,
  throttled,
  memory,
  load,
  million,
  history,
];
