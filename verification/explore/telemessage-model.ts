import { createHash } from 'node:crypto';
import { DeploymentError } from '../../shared/errors';
import type { TeleMessage } from '../../shared/telemessage/client';
import type { Fault } from './call-faults';
import type { SiteLine } from './scenarios';
import type { Io } from './scheduler';

/** Model of the TeleMessage site: it serves a window in pages, by cursor, with other transport details each time. */

export interface Site {
  /** Each connector's in the order of arrival. */
  lines: SiteLine[];
  /** The connector of the lines that name none. */
  connector: string;
  pageItems: number;
  servings: number;
  /** The connectors of which it has served a window to its end. */
  ended: Set<string>;
}

const faults: Fault[] = ['crash', 'error', 'yield', 'stall', 'refused', 'cursorExpired', 'truncated'];

export function createTeleMessageModel(site: Site, io: Io): TeleMessage {
  return {
    async fetchPage({ connector: { id }, from, to, lastId }, store) {
      const key = `${id} ${lastId ?? 'first'}`;
      const answer = await io({ name: 'telemessage.fetchPage', key, faults }, (fault) => {
        if (fault === 'refused')
          throw new DeploymentError('TeleMessage refused the user name or password (401)');
        const start = lastId === undefined ? 0 : Number(lastId);
        if (Number.isNaN(start) || (fault === 'cursorExpired' && lastId !== undefined)) return undefined;
        const inWindow = site.lines.filter(
          ({ arrivedAt, connector = site.connector, isListedLate = false }) =>
            connector === id &&
            (!isListedLate || site.ended.has(id)) &&
            Date.parse(arrivedAt) >= Date.parse(from) &&
            Date.parse(arrivedAt) < Date.parse(to),
        );
        const lines = inWindow.slice(start, start + site.pageItems);
        const next = start + lines.length;
        const served = ++site.servings;
        if (next >= inWindow.length) site.ended.add(id);
        const text = lines.map(({ line }) =>
          typeof line === 'string' ? line : JSON.stringify({ ...line, served }),
        );
        return {
          bytes: Buffer.from(text.map((line) => `${line}\n`).join('')),
          items: lines.length,
          lastId: lines.length > 0 ? String(next) : undefined,
          end: next >= inWindow.length,
          truncated: fault === 'truncated',
        };
      });
      if (!answer) return { kind: 'cursorExpired' };
      const { bytes, truncated, ...page } = answer;
      if (truncated) await store(brokenOff(bytes)).catch(() => undefined);
      await store(whole(bytes));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return { kind: 'page', bytes: bytes.length, sha256, ...page };
    },
  };
}

async function* whole(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield await Promise.resolve(bytes);
}

async function* brokenOff(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes.subarray(0, bytes.length / 2));
  throw new Error('A page was truncated');
}
