import type { Random } from '../../simulators/samples/random';
import { people } from './people';

/** Every kind of damage that a transfer, a broken sender or a hostile one can do. */

const baits = people.slice(-8);

/** Fragments that are known to break readers of mails, JSON and CSV. */
const fragments: (Buffer | string)[] = [
  '\0',
  '\ufeff',
  '\u2028',
  '\r\n\r\n',
  '\r',
  '\n',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  '\\udc00x',
  Buffer.from([0xff, 0xfe]),
  Buffer.from([0xc3, 0x28]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  '__proto__',
  '{"__proto__":{"messageId":"1_1","admin":true}}',
  '"constructor":{"prototype":{"x":1}},',
  '"messageId":"2_2",',
  '1e999',
  '-0',
  '123456789012345678901234567890',
  '\nContent-Type: multipart/mixed; boundary=""\n\n',
  '\nContent-Disposition:inline\nContent-Type:message/rfc822',
  '\nContent-Transfer-Encoding: base64\n\n====',
  '\nContent-Type: text/html; charset=utf-7\n\n+ADw-script+AD4-',
  '=?utf-8?B?',
  '=?x?Q?=?=',
  '--\r\n',
  '(((((((((((',
  '<<<<<<<<<<<',
  '""""""""""',
  ',,,,,,,,,,,',
  'begin 644 a\n',
  '\u0000\u0001\u001f',
  '=\r\n',
  ';;;;',
  '﷽'.repeat(50),
  'A'.repeat(5000),
  ...baits.flatMap(({ upn, number }) => [
    `<${upn}>`,
    `"${upn}" `,
    `(${upn})`,
    ` ${upn} `,
    `\nTo: Bait ${number} <${upn}>\n`,
    `\nX-To: <${upn}>\n`,
    `+${number}`,
    `wxid_${number}`,
  ]),
];

const bytesOf = (text: Buffer | string) => (typeof text === 'string' ? Buffer.from(text) : text);

function once(bytes: Buffer, r: Random): Buffer {
  const at = r.int(bytes.length + 1);
  const length = Math.min(r.chance(0.9) ? r.int(24) : r.int(bytes.length + 1), bytes.length - at);
  const before = bytes.subarray(0, at);
  const piece = bytes.subarray(at, at + length);
  const after = bytes.subarray(at + length);
  switch (r.int(8)) {
    case 0:
      return Buffer.concat([before, after]);
    case 1:
      return Buffer.concat([before, piece, piece, after]);
    case 2:
      return Buffer.concat([before, bytesOf(r.pick(fragments)), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([before, bytesOf(r.pick(fragments)), after]);
    case 4:
      return Buffer.concat([before, Buffer.from(piece).reverse(), after]);
    case 5:
      return r.chance(0.2) ? before : Buffer.concat([before, Buffer.from([r.int(256)]), bytes.subarray(at)]);
    case 6: {
      const elsewhere = r.int(bytes.length + 1);
      const moved = bytes.subarray(elsewhere, elsewhere + length);
      return Buffer.concat([before, moved, bytes.subarray(at)]);
    }
    default: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at]! ^= 1 << r.int(8);
      return flipped;
    }
  }
}

/** The bytes after one to eight changes. */
export function damaged(bytes: Buffer, r: Random): Buffer {
  let result = bytes;
  for (let left = 1 + r.int(8); left > 0; left--) result = once(result, r);
  return result;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const deep = (depth: number): Json => {
  let value: Json = 'bottom';
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { deeper: value };
  return value;
};

/** A value that no reader expects. */
export function odd(r: Random): Json {
  const kinds: (() => Json)[] = [
    () => null,
    () => r.chance(0.5),
    () => r.pick([0, -1, 1e21, 2 ** 53 + 1, -0.5, Number.MAX_VALUE]),
    () => '',
    () => r.pick(['\0', '\ud800', '\udfff\ud800', '\u2028', '\ufffe', '🏳️‍🌈', 'ｆｕｌｌ', '\u202egnp.exe']),
    () => 'x'.repeat(r.int(3000)),
    () => bytesOf(r.pick(fragments)).toString('latin1'),
    () => [],
    () => ({}),
    () => [null, [], {}, 'x', 7],
    () => deep(r.int(200)),
    () => r.pick(['2026-02-30T00:00:00Z', '0000-00-00T00:00:00Z', '99999-01-01T00:00:00Z', '2026-11-20']),
    () =>
      r.pick([
        '0001-01-01T00:00:00Z',
        '1969-12-31T23:59:59Z',
        '9999-12-31T23:59:59Z',
        '275760-09-14T00:00:00Z',
      ]),
    () => `EDIT-DELETE_FOR_ALL-RECALL-${r.int(9)}`,
    () => r.pick(people).upn,
    () => r.pick(people).number,
  ];
  return r.pick(kinds)();
}

const oddKeys = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  '0',
  'length',
  'then',
  '\0',
  'id',
];

/** The value with one to four of its parts replaced, removed, wrapped, repeated or added. */
export function changed(value: Json, r: Random): Json {
  let result = value;
  for (let left = r.chance(0.6) ? 1 : 1 + r.int(4); left > 0; left--) result = changedOnce(result, r);
  return result;
}

function changedOnce(value: Json, r: Random): Json {
  if (value === null || typeof value !== 'object' || r.chance(0.03)) return odd(r);
  if (Array.isArray(value)) {
    if (value.length === 0 || r.chance(0.2)) return [...value, odd(r)];
    const at = r.int(value.length);
    if (r.chance(0.1)) return Array.from({ length: 1 + r.int(600) }, () => value[at]!);
    return value.map((one, index) => (index === at ? changedOnce(one, r) : one));
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || r.chance(0.15)) return fromEntries([...entries, [r.pick(oddKeys), odd(r)]]);
  const at = r.int(entries.length);
  const [key, old] = entries[at]!;
  if (r.chance(0.15)) return fromEntries(entries.filter((_, index) => index !== at));
  const next = r.chance(0.5) ? odd(r) : r.chance(0.1) ? [old] : changedOnce(old, r);
  return fromEntries(entries.map((entry, index) => (index === at ? [key, next] : entry)));
}

/** Like `JSON.parse`, and unlike assignment, this makes `__proto__` an own property. */
function fromEntries(entries: [string, Json][]): { [key: string]: Json } {
  const object: { [key: string]: Json } = {};
  for (const [key, value] of entries)
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  return object;
}
