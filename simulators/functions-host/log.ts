import { inspect } from 'node:util';
import type { LogLevel } from './rpc';

const order: LogLevel[] = ['trace', 'debug', 'information', 'warning', 'error', 'critical', 'none'];

export type Log = (level: LogLevel, source: string, message: string) => void;

/**
 * Writes one line per message: `[time] source: message`. `levels` is `logging.logLevel` of host.json; the longest
 * matching category wins. As on the real host, the app's console output has its own category.
 */
export function createLog(sink: (line: string) => void, levels: Record<string, string>): Log {
  const threshold = (source: string) => {
    const category =
      source === 'host' ? 'Host' : source === 'worker' ? 'Host.Function.Console' : `Function.${source}.User`;
    const best = Object.keys(levels)
      .filter((key) => category === key || category.startsWith(`${key}.`))
      .sort((a, b) => b.length - a.length)[0];
    const level = (levels[best ?? 'default'] ?? 'information').toLowerCase();
    return Math.max(order.indexOf(level as LogLevel), 0);
  };
  return (level, source, message) => {
    if (order.indexOf(level) < threshold(source)) return;
    const mark =
      order.indexOf(level) >= order.indexOf('error') ? 'ERROR ' : level === 'warning' ? 'WARNING ' : '';
    sink(
      `[${new Date().toISOString()}] ${source}: ${mark}${message.trimEnd().replace(/\s*\r?\n\s*/g, ' | ')}`,
    );
  };
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : inspect(error);
