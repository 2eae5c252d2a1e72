import { createHash } from 'node:crypto';
import type { ConnectorId } from '../../shared/connectors';
import { scanPage } from '../../shared/storage/scan-page';
import { random, type Random } from '../../simulators/samples/random';
import { requestCase, settingsCase, triggerCase } from './boundaries';
import { damagedLine, mayReach, strangeLine } from './damaged-lines';
import { encryptedLine, generatedChat, generatedMail } from './generated-lines';
import { checkItem, Finding } from './invariants';
import { mappingCase } from './mapping-files';
import type { FuzzStage, Imported } from './stage';

/** The cases and what must hold for each. A case depends only on the seed and its number, so it can be repeated. */

export interface Case {
  kind: string;
  /** What the app reads; kept in a file if the case finds something. */
  input: Buffer;
  /** How it ended. @throws Finding, or an error that the app should have handled */
  run(stage: FuzzStage): Promise<string> | string;
}

interface Expected {
  connector: ConnectorId;
  line: Buffer;
  may: Set<string>;
  must?: Set<string>;
}

const generated = (connector: 'wechat' | 'whatsapp', r: Random): Expected => ({
  connector,
  ...(connector === 'wechat' ? generatedMail(r) : generatedChat(r)),
});

const lineCase =
  (kind: string, make: (r: Random) => Expected) =>
  (r: Random): Case => {
    const expected = make(r);
    return { kind, input: expected.line, run: (stage) => importTwice(stage, expected, r) };
  };

/** The kinds of cases and their shares. */
const kinds: [share: number, make: (r: Random) => Case][] = [
  [200, lineCase('chat', (r) => generated('whatsapp', r))],
  [180, lineCase('mail', (r) => generated('wechat', r))],
  [170, lineCase('damagedChat', (r) => damagedLine('whatsapp', r))],
  [200, lineCase('damagedMail', (r) => damagedLine('wechat', r))],
  [50, lineCase('encrypted', (r) => encryptedLine(r.pick(['wechat', 'whatsapp']), r))],
  [60, lineCase('line', strangeLine)],
  [20, pageCase],
  [70, (r) => ({ kind: 'mapping', ...mappingCase(r) })],
  [50, (r) => ({ kind: 'message', ...triggerCase(r) })],
  [50, (r) => ({ kind: 'settings', ...settingsCase(r) })],
  [20, (r) => ({ kind: 'request', ...requestCase(r) })],
];

export function makeCase(seed: string, number: number): Case {
  const r = random(`${seed}/${number}`);
  let left = r.int(kinds.reduce((sum, [share]) => sum + share, 0));
  const [, make] = kinds.find(([share]) => (left -= share) < 0)!;
  return make(r);
}

/** Runs a given line, such as one that once found something. */
export const replayLine = (stage: FuzzStage, connector: ConnectorId, line: Buffer): Promise<string> =>
  importTwice(
    stage,
    { connector, line, may: mayReach(connector, line) },
    { ...random('replay'), chance: () => true },
  );

async function importTwice(stage: FuzzStage, expected: Expected, r: Random): Promise<string> {
  const { connector, line } = expected;
  const first = await stage.importLine(connector, line);
  const end = check(first, expected);
  // In half of the cases only: the time is better spent on more lines.
  if (r.chance(0.5)) {
    const second = await stage.importLine(connector, line);
    if (first.fingerprint !== second.fingerprint)
      throw new Finding('the same line was converted in two ways');
  }
  if (r.chance(0.1)) {
    const { outcome } = await stage.giveUp(connector, line);
    if (outcome.reason !== 'gaveUp') throw new Finding('a poisoned item did not end in quarantine');
  }
  return end;
}

function check({ outcome, quarantined, created }: Imported, { may, must }: Expected): string {
  for (const { userId, item } of created) {
    if (!may.has(userId)) throw new Finding('an item reached a mailbox that nothing names');
    checkItem(item);
  }
  const reached = new Set(created.map(({ userId }) => userId));
  if (reached.size !== created.length) throw new Finding('an item was filed twice in one mailbox');
  if (outcome.reason) {
    if (!quarantined || quarantined.reason !== outcome.reason)
      throw new Finding('a failed item is not in quarantine');
    if (quarantined.detail === '' || quarantined.detail.length > 1000)
      throw new Finding('the detail of a reason is empty or too long');
    if (!['unreadable', 'encrypted', 'unmapped', 'tooLarge'].includes(outcome.reason))
      throw new Finding(`no outside call failed, but the reason is ${outcome.reason}`);
    if (/could not be read within/.test(quarantined.detail))
      throw new Finding('a mail ran into the parser deadline');
    if (outcome.reason === 'unmapped' && must && must.size > 0)
      throw new Finding('an item with a mapped participant was not mapped');
    return `quarantined (${outcome.reason})`;
  }
  if (outcome.kind === 'event') return 'event';
  if (must && [...must].some((userId) => !reached.has(userId)))
    throw new Finding('an item did not reach a participant');
  return outcome.deliveries.some(({ end }) => end === 'partial') ? 'partially imported' : 'imported';
}

/** A page of lines of every kind: the scan must return each byte for byte, and the first one must end like any other. */
function pageCase(r: Random): Case {
  const parts = Array.from({ length: 1 + r.int(6) }, () => strangeLine(r));
  const lines = parts.map(({ line }) => Buffer.from(line.filter((byte) => byte !== 0x0a)));
  const input = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  return {
    kind: 'page',
    input,
    async run(stage) {
      const sha256 = createHash('sha256').update(input).digest('hex');
      // A line of blanks is no item.
      const items = lines.filter((one) => /[^ \t\r]/.test(one.toString('latin1')));
      const page = { blob: 'page', sha256, bytes: input.length, items: items.length };
      const size = 1 + r.int(input.length + 10);
      let position = 0;
      for await (const lines of scanPage(chunks(input, size), page))
        for (const { offset, length } of lines) {
          if (!items[position]?.equals(input.subarray(offset, offset + length)))
            throw new Finding('a line was cut wrongly');
          position++;
        }
      if (position !== items.length) throw new Finding('a page was scanned into a wrong number of lines');
      const line = lines[0]!;
      const { connector } = parts[0]!;
      check(await stage.importLine(connector, line), { connector, line, may: mayReach(connector, line) });
      return 'split';
    },
  };
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
    await Promise.resolve();
  }
}

/** A case that broke a promise. */
export interface Found {
  number: number;
  kind: string;
  message: string;
  input: Buffer;
}

export interface Tally {
  cases: number;
  /** How the cases ended, by kind. */
  ends: Record<string, Record<string, number>>;
  found: Found[];
  slowest: { number: number; kind: string; ms: number };
}

/** No case may take longer, even on a busy machine. */
const deadlineMs = 30_000;

/** Runs the cases one after the other; `begin` is called before each. */
export async function runCases(
  seed: string,
  numbers: Iterable<number>,
  stage: FuzzStage,
  begin: (number: number) => void = () => undefined,
): Promise<Tally> {
  const tally: Tally = { cases: 0, ends: {}, found: [], slowest: { number: -1, kind: '', ms: 0 } };
  for (const number of numbers) {
    begin(number);
    const { kind, input, run } = makeCase(seed, number);
    const startedAt = performance.now();
    let end: string;
    try {
      end = await run(stage);
      if (performance.now() - startedAt > deadlineMs)
        throw new Finding(`took longer than ${deadlineMs / 1000} s`);
    } catch (error) {
      end = 'FOUND';
      const { name, message, stack = '' } = error as Error;
      // An error that the app should have handled is located by its stack.
      const where = error instanceof Finding ? '' : `\n${stack.split('\n').slice(1, 6).join('\n')}`;
      tally.found.push({ number, kind, input, message: `${name}: ${message.slice(0, 500)}${where}` });
    }
    const ms = performance.now() - startedAt;
    if (ms > tally.slowest.ms) tally.slowest = { number, kind, ms };
    const ends = (tally.ends[kind] ??= {});
    ends[end] = (ends[end] ?? 0) + 1;
    tally.cases++;
  }
  return tally;
}

export function addTallies(all: readonly Tally[]): Tally {
  const sum: Tally = { cases: 0, ends: {}, found: [], slowest: { number: -1, kind: '', ms: 0 } };
  for (const { cases, ends, found, slowest } of all) {
    sum.cases += cases;
    sum.found.push(...found);
    if (slowest.ms > sum.slowest.ms) sum.slowest = slowest;
    for (const [kind, counts] of Object.entries(ends))
      for (const [end, count] of Object.entries(counts)) {
        const own = (sum.ends[kind] ??= {});
        own[end] = (own[end] ?? 0) + count;
      }
  }
  return sum;
}
