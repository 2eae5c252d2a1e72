import type { Language } from '../languages';
import { createHash } from 'node:crypto';
import type { Party } from './email';
import { cutTo, oneLine } from './safe-text';
import { translate } from './phrases';

/** A recipient in the form of Graph. */
export interface Recipient {
  emailAddress: { name: string; address: string };
}

const maxNameLength = 256;
const atoms = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** Domains that only name accounts and groups of WhatsApp. */
const noMail = /@(?:s\.whatsapp\.net|c\.us|g\.us|lid|broadcast|newsletter)$/i;

/**
 * The text, trimmed, if Exchange accepts it as an SMTP address, else undefined: ASCII, a dot-atom of at most 64
 * characters before the @, a dotted domain that ends in letters or an A-label, at most 254 characters in total (RFC 5321 section
 * 4.5.3.1). The rule is strict because one bad recipient makes Exchange refuse the whole item.
 */
export function usableAddress(text: string): string | undefined {
  const address = text.trim();
  if (address.length > 254) return undefined;
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const labels = address.slice(at + 1).split('.');
  const usable =
    local.length <= 64 &&
    atoms.test(local) &&
    labels.length >= 2 &&
    labels.every((part) => label.test(part)) &&
    /^(?:[A-Za-z]{2,}|xn--[A-Za-z0-9-]+)$/i.test(labels.at(-1)!) &&
    !noMail.test(address);
  return usable ? address : undefined;
}

/**
 * The party as a recipient. A party without a usable address gets one in the reserved domain `.invalid` (RFC 2606),
 * always the same for the same party; the display name keeps what the source wrote.
 */
export function recipient(party: Party, network: string, language: Language = 'en'): Recipient {
  const usable = party.address === undefined ? undefined : usableAddress(party.address);
  const address = usable ?? `${localPartOf(party)}@${domainOf(network)}.invalid`;
  return { emailAddress: { name: displayName(party, usable, language), address } };
}

function displayName(party: Party, usable: string | undefined, language: Language): string {
  const name = oneLine(party.name);
  const number = oneLine(party.number ?? '');
  const written = oneLine(party.address ?? '');
  const parts: string[] = [];
  if (name !== '') parts.push(name);
  // The display names of mails usually contain the number already.
  if (number !== '' && !name.includes(number)) parts.push(number);
  if (usable === undefined && written !== '') parts.push(`[${written}]`);
  return cutTo(maxNameLength, parts.join(' ') || (usable ?? translate('unknown', {}, language)));
}

function localPartOf(party: Party): string {
  const number = party.number?.trim() ?? '';
  const digits = number.replace(/\D/g, '');
  // Take digits from real numbers only: those of an id such as "wxid_a12" could be another person's number.
  if (/^[+\d\s().\-/]+$/.test(number) && digits.length > 0 && digits.length <= 32) return digits;
  const known = [party.name.trim(), number, party.address?.trim() ?? ''];
  if (known.every((text) => text === '')) return 'unknown';
  return createHash('sha256').update(JSON.stringify(known)).digest('hex').slice(0, 16);
}

function domainOf(network: string): string {
  const letters = network
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return letters === '' ? 'network' : letters;
}
