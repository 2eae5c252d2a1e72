const lineFeed = 0x0a;
const tab = 0x09;
const carriageReturn = 0x0d;
const space = 0x20;

/** The byte range of one line of a page, without its line feed. */
export interface Line {
  offset: number;
  length: number;
}

/**
 * Finds the items of a page while its bytes pass: each line is one, except lines of nothing but blanks. Whoever counts
 * the items of a page and whoever points to them must agree, so there is one scanner.
 */
export function createLineScanner() {
  let bytes = 0;
  let lineStart = 0;
  let isBlank = true;
  return {
    /** The lines that end in this chunk. A list per chunk: a generator costs more per line than finding it. */
    scan(chunk: Buffer): Line[] {
      const lines: Line[] = [];
      for (let at = 0; at < chunk.length;) {
        const found = chunk.indexOf(lineFeed, at);
        const end = found === -1 ? chunk.length : found;
        for (let seen = at; isBlank && seen < end; seen++) {
          const byte = chunk[seen];
          isBlank = byte === space || byte === tab || byte === carriageReturn;
        }
        if (found === -1) break;
        if (!isBlank) lines.push({ offset: lineStart, length: bytes + found - lineStart });
        at = found + 1;
        lineStart = bytes + at;
        isBlank = true;
      }
      bytes += chunk.length;
      return lines;
    },
    /** Whether the bytes so far end with a whole line. */
    isWhole: () => lineStart === bytes,
  };
}
