import { createHash } from 'node:crypto';
import type { ConnectorId } from '../../shared/connectors';
import { scanPage } from '../../shared/pipeline/split-batch';
import { random, type Random } from '../../simulators/samples/random';
import { knownChat } from './chats';
import { checkItem, Finding } from './invariants';
import { damagedLine, mayReach, strangeLine } from './lines';
import { knownMail } from './mails';
import { mappingCase } from './mapping-files';
import { requestCase } from './requests';
import { settingsCase } from './settings';
import type { FuzzStage, Imported } from './stage';
import { triggerCase } from './triggers';

/** Every case follows from the seed and its number alone. */

export interface Case {
  kind: string;
  /** What is fed; kept when the case finds something. */
  input: Buffer;
  /** How it ended. @throws Finding, or whatever broke out of its boundary */
  run(stage: FuzzStage): Promise<string> | string;
}

interface Expected {
  connector: ConnectorId;
  line: Buffer;
  may: Set<string>;
  must?: Set<string>;
}

const known = (connector: 'wechat' | 'whatsapp', r: Random): Expected => ({
  connector,
  ...(connector === 'wechat' ? knownMail(r) : knownChat(r)),
});

const lineCase =
  (kind: string, make: (r: Random) => Expected) =>
  (r: Random): Case => {
    const expected = make(r);
    return { kind, input: expected.line, run: (stage) => importTwice(stage, expected, r) };
  };

/** How many of so many cases are of which kind. */
const kinds: [share: number, make: (r: Random) => Case][] = [
  [200, lineCase('chat', (r) => known('whatsapp', r))],
  [180, lineCase('mail', (r) => known('wechat', r))],
  [170, lineCase('damagedChat', (r) => damagedLine('whatsapp', r))],
  [200, lineCase('damagedMail', (r) => damagedLine('wechat', r))],
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

/** A line as it stands, such as one that once found something. */
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
  // Half of the cases: the other half of the time is better spent on other lines.
  if (r.chance(0.5)) {
    const second = await stage.importLine(connector, line);
    if (first.digest !== second.digest) throw new Finding('the same line was converted in two ways');
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
      throw new Finding('a reason is not clear');
    if (outcome.reason !== 'unreadable' && outcome.reason !== 'unmapped' && outcome.reason !== 'tooLarge')
      throw new Finding(`nothing outside failed, yet the reason is ${outcome.reason}`);
    if (/could not be parsed within/.test(quarantined.detail))
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

/** Lines of every kind in one page: each must come out of the scan byte for byte, and end by itself. */
function pageCase(r: Random): Case {
  const parts = Array.from({ length: 1 + r.int(6) }, () => strangeLine(r));
  const lines = parts.map(({ line }) => Buffer.from(line.filter((byte) => byte !== 0x0a)));
  const input = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  return {
    kind: 'page',
    input,
    async run(stage) {
      const sha256 = createHash('sha256').update(input).digest('hex');
      const page = { blob: 'page', sha256, bytes: input.length, items: lines.length };
      const size = 1 + r.int(input.length + 10);
      let position = 0;
      for await (const { offset, length } of scanPage(chunks(input, size), page)) {
        if (!lines[position]?.equals(input.subarray(offset, offset + length)))
          throw new Finding('a line was cut wrongly');
        position++;
      }
      if (position !== lines.length) throw new Finding('a page was scanned to another number of lines');
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
