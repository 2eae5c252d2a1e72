import { createCipheriv, createHash } from 'node:crypto';

/** Random numbers that are always the same for the same label. */
export interface Random {
  /** A whole number from 0 to `max` - 1. */
  int(max: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** `count` different elements, in random order. */
  some<T>(list: readonly T[], count: number): T[];
}

const digest = (label: string) => createHash('sha256').update(label).digest();

export function random(label: string): Random {
  const seed = digest(label);
  let [a, b, c, counter] = [seed.readUInt32LE(0), seed.readUInt32LE(4), seed.readUInt32LE(8), 1];
  // sfc32 passes the usual statistical tests and needs only 32-bit arithmetic.
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 0x1_0000_0000;
  };
  const int = (max: number) => Math.floor(next() * max);
  const pick = <T>(list: readonly T[]) => list[int(list.length)] as T;
  return {
    int,
    chance: (probability) => next() < probability,
    pick,
    some(list, count) {
      const rest = [...list];
      return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(int(rest.length), 1)[0]!);
    },
  };
}

/** Random bytes, made with AES: 10 MB take milliseconds, so that no sample attachment needs to be kept. */
export function randomBytes(label: string, length: number): Buffer {
  return createCipheriv('aes-256-ctr', digest(label), Buffer.alloc(16)).update(Buffer.alloc(length));
}
