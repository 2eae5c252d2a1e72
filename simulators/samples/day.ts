import type { ConnectorId } from '../../shared/connectors';
import type { Case, SampleItem, Slot } from './item';
import { malformedLines } from './malformed-lines';
import { random } from './random';
import { ordinary as ordinaryWechat } from './wechat';
import { wechatCases } from './wechat-cases';
import { malformedMails } from './wechat-malformed';
import { ordinary as ordinaryWhatsapp } from './whatsapp';
import { whatsappCases } from './whatsapp-cases';

/** The sample days: what one UTC day holds follows from its date and the connector alone. */

export interface Window {
  /** Inclusive, ISO-8601 UTC. */
  from: string;
  /** Exclusive, ISO-8601 UTC. */
  to: string;
}

/** An item at its place in a day. */
export interface Archived {
  item: SampleItem;
  arrivedAtMs: number;
  /** Why it stands there again, when it did before. */
  again?: 'sameDay' | 'nextDay';
}

const dayMs = 86_400_000;
export const itemsPerDay = 600;
const repeatsInDay = 4;
const repeatsOfYesterday = 3;
/** How many items lie between an item and its repeat, so that pages of a hundred separate them. */
const repeatDistance = 150;

const content: Record<ConnectorId, { ordinary: Case; cases: Case[] }> = {
  wechat: {
    ordinary: ordinaryWechat,
    cases: [...wechatCases, ...malformedMails, ...malformedLines('wechat')],
  },
  whatsapp: { ordinary: ordinaryWhatsapp, cases: [...whatsappCases, ...malformedLines('whatsapp')] },
};

/** Office hours from Seoul to Paris hold most of the day; the first and last millisecond hold an item each. */
function arrivalAt(place: number, places: number, jitter: number): number {
  if (place === 0) return 0;
  if (place === places - 1) return dayMs - 1;
  const share = (place + jitter) / places;
  const hours =
    share < 0.06
      ? share / 0.06
      : share < 0.94
        ? 1 + ((share - 0.06) / 0.88) * 15
        : 16 + ((share - 0.94) / 0.06) * 8;
  return Math.min(dayMs - 2, Math.floor(hours * 3_600_000));
}

/** The items of a day without those that came before. */
function originals(connector: ConnectorId, startMs: number): Archived[] {
  const seed = `${connector}/${new Date(startMs).toISOString().slice(0, 10)}`;
  const r = random(seed);
  const { ordinary, cases } = content[connector];
  const places = itemsPerDay - repeatsInDay - repeatsOfYesterday;
  const special = cases.reduce((sum, { size }) => sum + size, 0);
  const all = [...cases, ...Array<Case>(places - special).fill(ordinary)];
  let place = 0;
  return r.some(all, all.length).flatMap(({ size, make }) => {
    const slots = Array.from({ length: size }, (): Slot => {
      const label = `${seed}/${place}`;
      const slotRandom = random(label);
      const arrivedAtMs = startMs + arrivalAt(place++, places, slotRandom.int(1000) / 1001);
      const sentAtMs = Math.floor(arrivedAtMs / 1000 - slotRandom.int(40)) * 1000;
      return { connector, label, r: slotRandom, arrivedAtMs, sentAtMs };
    });
    return make(slots).map((item, index) => ({ item, arrivedAtMs: slots[index]!.arrivedAtMs }));
  });
}

/** Repeated are small items of which something becomes. */
const repeatable = ({ item }: Archived) => item.fate === 'delivered' && item.bytes < 100_000;

function repeats(connector: ConnectorId, startMs: number, today: Archived[]): Archived[] {
  const soon = today
    .filter(repeatable)
    .filter((one) => today.indexOf(one) < today.length - repeatDistance - 1);
  const inDay = random(`${connector}/${startMs}/repeats`)
    .some(soon, repeatsInDay)
    .map(({ item }): Archived => {
      const position = today.findIndex((one) => one.item === item) + repeatDistance;
      return { item, arrivedAtMs: today[position]!.arrivedAtMs + 1, again: 'sameDay' };
    });
  // Acts stay in the day of the message that they name.
  const yesterday = originals(connector, startMs - dayMs)
    .filter((one) => repeatable(one) && /^\d/.test(one.item.id))
    .slice(-repeatsOfYesterday);
  const overnight = yesterday.map(({ item }, index): Archived => ({
    item,
    arrivedAtMs: startMs + 60_000 * (index + 1),
    again: 'nextDay',
  }));
  return [...inDay, ...overnight];
}

const recent = new Map<string, Archived[]>();
const recentDays = 8;

/** The items of the UTC day that begins at `startMs`, by arrival; plans only, without contents. */
export function dayOf(connector: ConnectorId, startMs: number): Archived[] {
  const key = `${connector}/${startMs}`;
  const known = recent.get(key);
  if (known) return known;
  const today = originals(connector, startMs);
  const day = [...today, ...repeats(connector, startMs, today)].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  recent.set(key, day);
  if (recent.size > recentDays) recent.delete(recent.keys().next().value!);
  return day;
}

/** The items of a window, by arrival; any window, of any length, at any time. */
export function* archivedIn(connector: ConnectorId, { from, to }: Window): Generator<Archived> {
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  for (let startMs = Math.floor(fromMs / dayMs) * dayMs; startMs < toMs; startMs += dayMs) {
    for (const one of dayOf(connector, startMs)) {
      if (one.arrivedAtMs >= fromMs && one.arrivedAtMs < toMs) yield one;
    }
  }
}

export interface ArchivedLine {
  gatewayReceivedDate: string;
  /** Size of the line, or about. */
  bytes: number;
  /** The line with its line feed, made when it is served. */
  line(): Buffer;
}

const lineFeed = Buffer.from('\n');

/** What the simulated TeleMessage site serves. */
export function* sampleLines(connector: ConnectorId, window: Window): Generator<ArchivedLine> {
  for (const { item, arrivedAtMs } of archivedIn(connector, window)) {
    const gatewayReceivedDate = new Date(arrivedAtMs).toISOString();
    yield {
      gatewayReceivedDate,
      bytes: item.bytes,
      line: () => Buffer.concat([item.line(gatewayReceivedDate), lineFeed]),
    };
  }
}
