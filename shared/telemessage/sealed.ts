import { createDecipheriv } from 'node:crypto';
import { PermanentError, type KnownOfItem } from '../errors';

/**
 * Items that TeleMessage encrypted: AES-256-GCM with a data key of their own, which is wrapped with the organisation's
 * RSA key (RSA PKCS #1 v1.5). Known from the reader of TeleMessage's successor: the header
 * `X-TELEMESSAGE-ENC-DATAKEY: V2.0#: base64(12 bytes of IV, then the wrapped key)`, the field `securityContent` in JSON.
 */
export interface SealedKey {
  /** The wrapped data key, as long as the modulus of the RSA key. */
  wrapped: Uint8Array;
  /** Name of the RSA key as TeleMessage knows it; may be empty. */
  keyId: string;
}

/** What opens an item: its data key, and the name of the key that unwrapped it. */
export interface Opening {
  dataKey: Uint8Array;
  openedWith: string;
}

/** Thrown for an encrypted item that is read without its data key. */
export class SealedError extends PermanentError {
  constructor(
    readonly sealed: SealedKey,
    known: KnownOfItem = {},
  ) {
    super('encrypted', 'The item is encrypted, and no key of the organisation is set (DECRYPTION_KEY)', {
      known,
    });
  }
}

/** Opens one encrypted part. @throws PermanentError `encrypted` if it does not open */
export type Unseal = (bytes: Buffer) => Buffer;

const ivLength = 12;
const tagLength = 16;
const dataKeyLength = 32;
/** The wrapped key of an RSA key of 1024 bits, the shortest that occurs. */
const shortestWrapped = 128;

const form = /^\s*V2(?:\.\d+)?#?\s*:?\s*([A-Za-z0-9+/=\s]+)$/;

/**
 * How to open an item, from the text that holds its IV and its wrapped data key.
 *
 * @throws SealedError without an opening
 * @throws PermanentError `encrypted` for a text of another form: what it protects is never shown as it is
 */
export function unsealer(text: string, keyId: string, opening: Opening | undefined): Unseal {
  const encoded = form.exec(text)?.[1];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (bytes.length < ivLength + shortestWrapped)
    throw new PermanentError('encrypted', 'The item is encrypted in a way that this app does not know');
  const iv = bytes.subarray(0, ivLength);
  if (!opening) throw new SealedError({ wrapped: new Uint8Array(bytes.subarray(ivLength)), keyId });
  return (content) => open(content, opening.dataKey, iv);
}

function open(content: Buffer, dataKey: Uint8Array, iv: Buffer): Buffer {
  if (content.length === 0) return content;
  const tagAt = content.length - tagLength;
  try {
    if (tagAt < 0 || dataKey.length !== dataKeyLength) throw new Error('too short');
    const decipher = createDecipheriv('aes-256-gcm', dataKey, iv, { authTagLength: tagLength });
    decipher.setAuthTag(content.subarray(tagAt));
    return Buffer.concat([decipher.update(content.subarray(0, tagAt)), decipher.final()]);
  } catch {
    throw new PermanentError(
      'encrypted',
      'A part of the encrypted item is damaged, or does not belong to its data key',
    );
  }
}

/** Opens an encrypted text, which is base64 once more. @throws PermanentError `encrypted` if it does not open */
export function unsealText(unseal: Unseal, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const text = bytes.toString('latin1').replace(/\s+/g, '');
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text);
  return unseal(isBase64 ? Buffer.from(text, 'base64') : bytes);
}

/** How to open a message whose JSON says that its body is encrypted; undefined for any other message. */
export function unsealerOf(securityContent: unknown, opening: Opening | undefined): Unseal | undefined {
  if (securityContent === undefined || securityContent === null || securityContent === '') return undefined;
  const fields = typeof securityContent === 'object' ? (securityContent as Record<string, unknown>) : {};
  const text =
    typeof securityContent === 'string' ? securityContent : (fields['dataKey'] ?? fields['dataKeyEncrypted']);
  const keyId = fields['keyId'];
  return unsealer(typeof text === 'string' ? text : '', typeof keyId === 'string' ? keyId : '', opening);
}
