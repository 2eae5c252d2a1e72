import { parseMapping } from '../../shared/mapping/reader';
import type { Random } from '../../simulators/samples/random';
import { mappingCsv as sampleCsv } from '../../simulators/samples/mapping';
import { Finding } from './invariants';
import { damaged } from './mutate';
import { mappingCsv, people } from './people';

/** Mapping files as people and spreadsheet programs damage them. */

const cells = [
  '',
  '=cmd|/c calc',
  '"',
  '""',
  "'+46701740605",
  '4.67E+10',
  '#####',
  '\0',
  '2026-02-30',
  'a@b',
  '<x@y.example>',
];

function generated(r: Random): string {
  const separator = r.pick([',', ';', '\t']);
  const lineEnd = r.pick(['\n', '\r\n', '\r']);
  const table = (heading: string[], row: () => string[]) =>
    [heading, ...Array.from({ length: r.int(30) }, row)].map((cells) => cells.join(separator)).join(lineEnd);
  const cell = () => {
    const { number, upn } = r.pick(people);
    return r.pick([`+${number}`, upn, number, r.pick(cells), '2026-01-01']);
  };
  if (r.chance(0.4)) {
    const names = [
      'Mobile number',
      'Email address',
      'Valid from',
      'Valid to',
      '手机',
      'Mobile',
      '__proto__',
      '',
    ];
    const heading = r.some(names, 2 + r.int(4));
    return table(heading, () => Array.from({ length: heading.length + r.int(2) }, cell));
  }
  // A correct file, except for a wrong cell here and there.
  return table(['Email address', 'Mobile number', 'Note'], () => {
    const { number, upn } = r.pick(people);
    return [upn, r.pick([`+${number}`, number, `"+${number}"`]), ''].map((one) =>
      r.chance(0.01) ? cell() : one,
    );
  });
}

export function mappingCase(r: Random): { input: Buffer; run: () => string } {
  const whole = r.pick([mappingCsv, Buffer.from(sampleCsv('wechat')), Buffer.from(sampleCsv('whatsapp'))]);
  const input = r.chance(0.4)
    ? Buffer.from(generated(r))
    : damaged(r.chance(0.3) ? whole : whole.subarray(0, 600), r);
  return { input, run: () => readTwice(input) };
}

/**
 * Reads the file twice and returns how it ended.
 *
 * @throws Finding if the two readings differ, or a refusal does not say clearly what is wrong
 */
export function readTwice(input: Buffer): string {
  const before = Buffer.from(input);
  const [first, second] = [1, 2].map(() => parseMapping(input, { maxRows: 200, country: 'SE' }));
  if (!before.equals(input)) throw new Finding('reading changed the bytes of the file');
  const shape = (parsed: typeof first) =>
    JSON.stringify(
      parsed!.ok ? [parsed!.mapping.rows, parsed!.mapping.ignored, found(parsed!.mapping)] : parsed!.errors,
    );
  if (shape(first) !== shape(second)) throw new Finding('the same file was read in two ways');
  if (first!.ok) {
    // An address that a number leads to must be in the file.
    const text = input.includes('\0')
      ? input.toString('utf16le') + input.toString('latin1')
      : input.toString();
    // The reader removes marks without width, which a copied text may contain.
    const names = text
      .normalize('NFKC')
      .replace(/\p{Cf}/gu, '')
      .toLowerCase();
    for (const address of found(first!.mapping))
      if (
        address &&
        // An A-label stands for a domain in another script.
        !/@.*\bxn--/i.test(address) &&
        !names.includes(address.toLowerCase()) &&
        !swapped(input).includes(address.toLowerCase())
      )
        throw new Finding('a mapping names an address that the file does not hold');
    return 'accepted';
  }
  const { errors } = first!;
  if (errors.length === 0) throw new Finding('a file was refused without a reason');
  if (errors.length > 100) throw new Finding('a refusal is longer than 100 problems');
  for (const { line, expected, found: what } of errors)
    if (!(line >= 1) || expected === '' || what === '' || what.length > 400)
      throw new Finding('a problem is not clear');
  return 'refused';
}

const found = (mapping: { find(number: string, at: string): string | undefined }) =>
  people.map(({ number }) => mapping.find(`+${number}`, '2026-11-20T00:00:00Z'));

/** UTF-16 with the other byte order. */
const swapped = (input: Buffer) =>
  Buffer.from(input.subarray(0, input.length & ~1))
    .swap16()
    .toString('utf16le')
    .toLowerCase();
