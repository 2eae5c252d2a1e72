import type { Party } from '../email/email';
import { readParties } from '../participants/party-list';
import { decodeRaw, decodeWords, encodedWordEnd } from './encoded-words';

/**
 * Parties of an address header, given as raw bytes in a Latin-1 string, with their names decoded; `charset` is that of
 * the mail.
 */
export function readAddresses(raw: string, charset?: string): Party[] {
  return readParties(decodeRaw(raw, charset), {
    end: encodedWordEnd,
    decode: (text) => decodeWords(text, charset),
  });
}
