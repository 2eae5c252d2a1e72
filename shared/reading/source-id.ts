import type { KnownOfItem } from '../errors';

/** How far to search for the source id of a line that is not JSON or too long to be read. */
export const searchedBytes = 64 * 1024;

/** The source id in a parsed line. */
export function idOf(json: unknown): KnownOfItem {
  const { messageId } = (json ?? {}) as { messageId?: unknown };
  if (typeof messageId === 'number') return { sourceId: String(messageId) };
  return typeof messageId === 'string' && messageId !== '' ? { sourceId: messageId } : {};
}

/** The source id of a line that cannot be parsed, if it is among the plain fields at the start of the line. */
export function idAtStart(line: Buffer): KnownOfItem {
  const text = line.toString('utf8', 0, searchedBytes);
  const field = /\s*[{,]\s*"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|[\w.+-]+)/y;
  for (let found = field.exec(text); found; found = field.exec(text)) {
    if (found[1] !== 'messageId') continue;
    try {
      return idOf({ messageId: JSON.parse(found[2]!) });
    } catch {
      return {};
    }
  }
  return {};
}
