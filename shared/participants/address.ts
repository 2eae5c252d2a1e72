import { domainToASCII } from 'node:url';

/**
 * What a user principal name or mail address of Microsoft 365 may look like. Wider than Entra ID's rule (it accepts
 * UTF-8 local parts and the `#EXT#` of guests), but never a list, a display name or a source route.
 */
const syntax = /^[^\s\p{Cc}\p{Cf}@<>()[\]\\,;:"]+@[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*$/u;

/** RFC 5321 section 4.5.3.1.3: a path has at most 256 octets, including its angle brackets. */
const maxLength = 254;

/** More than any address with dirt around it. */
const maxWritten = 1000;

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

const opening = /^[\s<‘’“”`´«]+/;
const closing = /[\s>‘’“”`´».,;:]+$/;

/**
 * An address without what programs and people leave around it: marks without width, blanks, quotation marks,
 * punctuation, `mailto:`; with plain instead of full-width characters and with an A-label domain (RFC 5890), as the
 * directory has it. A text that is no address comes back without the dirt.
 */
export function cleanAddress(text: string): string {
  if (text.length > maxWritten) return text.trim();
  let address = text
    .replace(/\p{Cf}/gu, '')
    .replace(/[\uff01-\uff5e]/g, (wide) => String.fromCharCode(wide.charCodeAt(0) - 0xfee0));
  for (let before = ''; before !== address;) {
    before = address;
    address = address
      .replace(opening, '')
      .replace(closing, '')
      .replace(/^mailto:/i, '')
      .replace(/^(["'])(.*)\1$/s, '$2');
    // A domain ends in no apostrophe; a local part may begin with one.
    if (address.endsWith("'")) address = address.slice(0, -1).replace(/^'/, '');
  }
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 1 || /^[\0-\x7f]*$/.test(domain)) return address;
  return `${address.slice(0, at)}@${domainToASCII(domain) || domain}`;
}
