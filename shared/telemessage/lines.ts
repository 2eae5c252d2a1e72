const lineFeed = 0x0a;
/** Space, tab, carriage return. */
const blanks = new Set([0x20, 0x09, 0x0d]);

/**
 * Finds the items of a page while its bytes pass: each line is one, except lines of nothing but blanks. Whoever counts
 * the items of a page and whoever points to them must agree, so there is one scanner.
 */
export function createLineScanner() {
  let bytes = 0;
  let lineStart = 0;
  let isBlank = true;
  return {
    /** The byte range of each line that ends in this chunk, without its line feed. */
    *scan(chunk: Buffer): Generator<{ offset: number; length: number }> {
      for (let at = 0; at < chunk.length;) {
        const found = chunk.indexOf(lineFeed, at);
        const end = found === -1 ? chunk.length : found;
        for (let seen = at; isBlank && seen < end; seen++) isBlank = blanks.has(chunk[seen]!);
        if (found === -1) break;
        if (!isBlank) yield { offset: lineStart, length: bytes + found - lineStart };
        at = found + 1;
        lineStart = bytes + at;
        isBlank = true;
      }
      bytes += chunk.length;
    },
    /** Whether the bytes so far end with a whole line. */
    isWhole: () => lineStart === bytes,
  };
}
