import { addressParser } from 'postal-mime';

/**
 * What a user principal name or mail address of Microsoft 365 may look like. Wider than Entra ID's rule (it accepts
 * UTF-8 local parts and the `#EXT#` of guests), but never a list, a display name or a source route.
 */
const syntax = /^[^\s\p{Cc}\p{Cf}@<>()[\]\\,;:"]+@[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*$/u;

/** RFC 5321 section 4.5.3.1.3: a path has at most 256 octets, including its angle brackets. */
const maxLength = 254;

const objectId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text is one bare address, `local@domain`. */
export function isAddress(text: string): boolean {
  return text.length <= maxLength && syntax.test(text);
}

/** The domain of an address, in lower case. */
export const addressDomain = (address: string): string =>
  address.slice(address.lastIndexOf('@') + 1).toLowerCase();

/** Whether the text is the object id of a directory entry (a GUID). */
export function isObjectId(text: string): boolean {
  return objectId.test(text);
}

/**
 * The addresses in a field that should contain one, but may contain `Name <address>`, `mailto:`, or several addresses
 * separated by `;` or `,`. An address inside a display name or comment does not count: it may be a stranger's.
 */
export function addressesIn(text: string): string[] {
  const trimmed = text.trim();
  if (!/[<"(]/.test(trimmed)) return trimmed.split(/[;,]/).map(bare).filter(isAddress);
  // Without angle brackets, the parser also finds addresses in comments and quoted names.
  const isBare = !/[("]/.test(trimmed);
  return addressParser(trimmed, { flatten: true })
    .map(({ name, address = '' }) => ({ name, address }))
    .filter(({ name, address }) => trimmed.includes(`<${address}`) || (isBare && !name))
    .map(({ address }) => bare(address))
    .filter(isAddress);
}

function bare(text: string): string {
  return text.trim().replace(/^mailto:/i, '');
}
