import { crc32, deflateSync } from 'node:zlib';
import { randomBytes, type Random } from './random';

/** Small files of the kinds that people send, valid enough to open. */

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** A square of one colour, 16 by 16. */
export function png(r: Random): Buffer {
  const side = 16;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const colour = [r.int(256), r.int(256), r.int(256)];
  const row = [0, ...Array.from({ length: side }, () => colour).flat()];
  const pixels = Buffer.from(Array.from({ length: side }, () => row).flat());
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflateSync(pixels)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A grey square, 8 by 8: one block of a baseline JPEG, whose Huffman tables hold one code each. */
export function jpeg(r: Random): Buffer {
  const segment = (marker: number, ...body: number[]) => [0xff, marker, 0, body.length + 2, ...body];
  const oneCode = [1, ...Array<number>(15).fill(0)];
  // In the DC table, the code `0` means that seven bits follow; in the AC table, it ends the block.
  const shade = r.int(128);
  return Buffer.from([
    ...[0xff, 0xd8],
    ...segment(0xe0, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0),
    ...segment(0xdb, 0, ...Array<number>(64).fill(8)),
    ...segment(0xc0, 8, 0, 8, 0, 8, 1, 1, 0x11, 0),
    ...segment(0xc4, 0x00, ...oneCode, 7),
    ...segment(0xc4, 0x10, ...oneCode, 0),
    ...segment(0xda, 1, 1, 0, 0, 63, 0),
    ...[shade, 0x7f],
    ...[0xff, 0xd9],
  ]);
}

/** A voice clip as WeChat records it: AMR frames of 20 ms at 12.2 kbit/s. */
export function amr(label: string, seconds: number): Buffer {
  const frames = randomBytes(label, seconds * 50 * 32);
  for (let at = 0; at < frames.length; at += 32) frames[at] = 0x3c;
  return Buffer.concat([Buffer.from('#!AMR\n'), frames]);
}

/** MPEG-1 layer III frames at 128 kbit/s, 44.1 kHz. */
export function mp3(label: string, frames: number): Buffer {
  const bytes = randomBytes(label, frames * 417);
  for (let at = 0; at < bytes.length; at += 417) bytes.set([0xff, 0xfb, 0x90, 0x00], at);
  return bytes;
}

export function pdf(title: string): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>',
    `<< /Title <feff${Buffer.from(title, 'utf16le').swap16().toString('hex')}> >>`,
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((body, index) => {
    const offset = text.length;
    text += `${index + 1} 0 obj\n${body}\nendobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 4 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text, 'latin1');
}

/** A file of this name, with a content and type that match it. */
export function fileOf(name: string, r: Random): { name: string; contentType: string; content: Buffer } {
  if (name.endsWith('.pdf')) return { name, contentType: 'application/pdf', content: pdf(name) };
  const rows = Array.from(
    { length: 5 + r.int(40) },
    (_, row) => `${row};${r.int(10_000)};${r.int(1000) / 100}`,
  );
  // Both kinds of line ends, and none at the end of the file: an importer must not change a byte of it.
  const content = Buffer.from(rows.join(r.chance(0.5) ? '\r\n' : '\n'));
  return { name, contentType: name.endsWith('.csv') ? 'text/csv' : 'text/plain', content };
}
