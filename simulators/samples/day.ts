import type { ConnectorId } from '../../shared/connectors';
import { encrypted } from './encrypted';
import type { Case, SampleItem, Slot } from './item';
import { malformedLines } from './malformed-lines';
import { random } from './random';
import { ordinary as ordinaryWechat } from './wechat';
import { wechatCases } from './wechat-cases';
import { malformedMails } from './wechat-malformed';
import { ordinary as ordinaryWhatsapp } from './whatsapp';
import { whatsappCases } from './whatsapp-cases';

/** The sample days. The items of a UTC day depend only on its date and on the connector. */

export interface Window {
  /** Inclusive, ISO-8601 UTC. */
  from: string;
  /** Exclusive, ISO-8601 UTC. */
  to: string;
}

/** An item and when it arrived. */
export interface Archived {
  item: SampleItem;
  arrivedAtMs: number;
  /** Set for the repeat of an item: the original is in the same day or in the day before. */
  again?: 'sameDay' | 'nextDay';
}

const dayMs = 86_400_000;
export const itemsPerDay = 600;
const repeatsInDay = 4;
const repeatsOfYesterday = 3;
const encryptedInDay = 6;
/** How many items lie between an item and its repeat: with pages of a hundred, they are on different pages. */
const repeatDistance = 150;

const content: Record<ConnectorId, { ordinary: Case; cases: Case[] }> = {
  wechat: {
    ordinary: ordinaryWechat,
    cases: [...wechatCases, ...malformedMails, ...malformedLines('wechat')],
  },
  whatsapp: { ordinary: ordinaryWhatsapp, cases: [...whatsappCases, ...malformedLines('whatsapp')] },
};

/** Most items arrive in office hours from Seoul to Paris; one arrives in the first and one in the last millisecond. */
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

/** The items of a day without the repeats. */
function originals(connector: ConnectorId, startMs: number): Archived[] {
  const seed = `${connector}/${new Date(startMs).toISOString().slice(0, 10)}`;
  const r = random(seed);
  const { ordinary, cases } = content[connector];
  const places = itemsPerDay - repeatsInDay - repeatsOfYesterday;
  const special = cases.reduce((sum, { size }) => sum + size, 0);
  const all = [...cases, ...Array<Case>(places - special).fill(ordinary)];
  let place = 0;
  const made = r.some(all, all.length).flatMap(({ size, make }) => {
    const slots = Array.from({ length: size }, (): Slot => {
      const label = `${seed}/${place}`;
      const slotRandom = random(label);
      const arrivedAtMs = startMs + arrivalAt(place++, places, slotRandom.int(1000) / 1001);
      const sentAtMs = Math.floor(arrivedAtMs / 1000 - slotRandom.int(40)) * 1000;
      return { connector, label, r: slotRandom, arrivedAtMs, sentAtMs };
    });
    return make(slots).map((item, index): Archived => ({ item, arrivedAtMs: slots[index]!.arrivedAtMs }));
  });
  return withEncrypted(seed, made);
}

/** Some ordinary items are encrypted, and the last of them with a key that nobody has. */
function withEncrypted(seed: string, items: Archived[]): Archived[] {
  const eligible = items.filter(
    ({ item }) => item.tags.length === 0 && item.fate === 'delivered' && item.bytes < 100_000,
  );
  const chosen = random(`${seed}/encrypted`).some(eligible, encryptedInDay);
  return items.map((one) => {
    const place = chosen.indexOf(one);
    return place < 0 ? one : { ...one, item: encrypted(one.item, place === chosen.length - 1) };
  });
}

/** Only small items that are delivered are repeated. */
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
  // A message action must be in the same day as its message.
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

/** The items of the UTC day that begins at `startMs`, by arrival. An item makes its line only when asked. */
export function dayOf(connector: ConnectorId, startMs: number): Archived[] {
  const key = `${connector}/${startMs}`;
  const cached = recent.get(key);
  if (cached) return cached;
  const today = originals(connector, startMs);
  const day = [...today, ...repeats(connector, startMs, today)].sort((a, b) => a.arrivedAtMs - b.arrivedAtMs);
  recent.set(key, day);
  if (recent.size > recentDays) recent.delete(recent.keys().next().value!);
  return day;
}

/** The items of a window, by arrival. The window can have any length and be at any time. */
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
  /** The approximate size of the line. */
  bytes: number;
  /** Makes the line, with its line feed. */
  line(): Buffer;
}

const lineFeed = Buffer.from('\n');

/** The lines that the simulated TeleMessage site serves. */
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
