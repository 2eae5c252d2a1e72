/** Base64 that arrives in pieces, as `decodeMime` and the chat reader accept it in one piece. */

const escapes = new Map([
  ['\\/', '/'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  ['\\t', '\t'],
]);
const wholeEscape = /\\(?:u[0-9a-fA-F]{4}|[^u])/g;
/** An escape that the piece cuts off. */
const cutEscape = /\\(?:u[0-9a-fA-F]{0,3})?$/;

/**
 * Decodes base64 into memory that is used again for the next piece: a buffer per piece of a large file would fill the
 * memory before it is collected.
 */
export function createDecoder(): (base64: string) => Buffer {
  let space = Buffer.alloc(0);
  return (base64) => {
    if (space.length < base64.length) space = Buffer.allocUnsafe(base64.length);
    return space.subarray(0, space.write(base64, 'base64'));
  };
}

/** Decodes the body of a JSON string that holds base64, piece by piece. The bytes are valid until the next piece. */
export function createBase64Stream() {
  const decode = createDecoder();
  let escape = '';
  let carry = '';
  let isPadded = false;
  let isSound = true;
  let isPlain = true;

  function unescaped(piece: string): string {
    const text = escape + piece;
    escape = '';
    if (!text.includes('\\')) return text;
    isPlain = false;
    const whole = text.replace(cutEscape, (cut, at: number) => {
      // A backslash that is itself escaped begins nothing.
      if (/\\*$/.exec(text.slice(0, at))![0].length % 2 === 1) return cut;
      escape = cut;
      return '';
    });
    return whole.replace(wholeEscape, (one) =>
      one.startsWith('\\u')
        ? String.fromCharCode(Number.parseInt(one.slice(2), 16))
        : (escapes.get(one) ?? '\0'),
    );
  }

  return {
    /** The bytes that the piece completes. */
    feed(piece: Buffer): Buffer {
      let text = carry + unescaped(piece.toString('latin1'));
      if (isPadded && text.trim() !== '') isSound = false;
      let usable = text.length - (text.length % 4);
      let bytes = decode(text.slice(0, usable));
      if (bytes.length !== (usable / 4) * 3) {
        const compact = text.replace(/\s+/g, '');
        if (compact.length !== text.length) isPlain = false;
        text = compact;
        usable = text.length - (text.length % 4);
        const digits = text.slice(0, usable).replace(/={1,2}$/, '');
        if (digits.length < usable) isPadded = true;
        if (/[^A-Za-z0-9+/_-]/.test(digits)) isSound = false;
        bytes = decode(digits);
      }
      carry = text.slice(usable);
      if (isPadded && carry !== '') isSound = false;
      return bytes;
    },
    /** The last bytes; undefined if it was no base64. */
    end(): Buffer | undefined {
      const rest = carry.trim();
      if (!isSound || escape !== '' || rest.length === 1 || /[^A-Za-z0-9+/_-]/.test(rest)) return undefined;
      return Buffer.from(rest, 'base64');
    },
    /** Whether every four characters so far are three bytes, so that a place in the bytes has one in the text. */
    isPlain: () => isPlain,
  };
}
