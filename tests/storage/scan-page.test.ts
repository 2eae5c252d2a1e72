import { createHash } from 'node:crypto';
import { scanPage } from '../../shared/storage/scan-page';

async function* inChunks(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const described = (bytes: Buffer, items: number) => ({
  blob: 'pages/x',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  bytes: bytes.length,
  items,
});
const lines = async (bytes: Buffer, size: number, expected = described(bytes, 3)) => {
  const found: string[] = [];
  for await (const lines of scanPage(inChunks(bytes, size), expected))
    for (const { offset, length } of lines) found.push(bytes.toString('latin1', offset, offset + length));
  return found;
};

describe('the scan of a page', () => {
  // U+2028 and carriage returns end no line; bytes that are no UTF-8 shift no offset; a blank line is no item.
  const page = Buffer.concat([
    Buffer.from('\n \r\n{"a":"\u2028"}\r\n\n\t \n'),
    Buffer.from([0xff, 0xfe, 0x0a]),
    Buffer.from('last\n'),
  ]);
  const all = page.toString('latin1').split('\n');
  const expected = all.filter((line) => /[^ \t\r]/.test(line));

  it.each([1, 2, 3, 7, 1000])('finds the same lines in chunks of %d bytes', async (size) => {
    expect(await lines(page, size)).toEqual(expected);
  });

  it('refuses a page with another hash, size or number of lines', async () => {
    const right = described(page, 3);
    for (const wrong of [{ sha256: '0'.repeat(64) }, { bytes: 1 }, { items: 2 }, { items: 4 }])
      await expect(lines(page, 5, { ...right, ...wrong })).rejects.toThrow('damaged');
  });

  it('accepts an empty page', async () => {
    expect(await lines(Buffer.alloc(0), 1, described(Buffer.alloc(0), 0))).toEqual([]);
  });
});
