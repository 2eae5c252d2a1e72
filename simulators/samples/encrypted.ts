import { constants, createCipheriv, createHash, createPublicKey, publicEncrypt } from 'node:crypto';
import { vaultKey, vaultKeyName } from '../identity/vault-key';
import type { SampleItem } from './item';
import { randomBytes } from './random';

/** Items as TeleMessage encrypts them for an organisation: every leaf of a mail, text and files of a chat. */

const publicKey = createPublicKey({ key: { kty: 'RSA', n: vaultKey.n, e: vaultKey.e }, format: 'jwk' });
const modulusLength = 256;
/** A key that the vault does not have: its wrapped keys look like any others. */
const foreignKeyName = 'key-of-nobody';

interface Seal {
  keyId: string;
  /** `V2.0#:` and the base64 of IV and wrapped data key. */
  header: string;
  seal(content: Buffer): Buffer;
}

/** The same seal for the same item, however often it is served. */
function sealOf(id: string, isForeign: boolean): Seal {
  const dataKey = randomBytes(`${id}/data key`, 32);
  const iv = randomBytes(`${id}/iv`, 12);
  // EME-PKCS1-v1_5 (RFC 8017 section 7.2.1) with fixed padding; the foreign key's block is as good as random.
  const padding = randomBytes(`${id}/padding`, modulusLength - 35).map((byte) => byte || 1);
  const block = Buffer.concat([Buffer.from([0, 2]), padding, Buffer.from([0]), dataKey]);
  const wrapped = isForeign
    ? Buffer.concat([Buffer.from([1]), randomBytes(`${id}/foreign`, modulusLength - 1)])
    : publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
  return {
    keyId: isForeign ? foreignKeyName : vaultKeyName,
    header: `V2.0#: ${Buffer.concat([iv, wrapped]).toString('base64')}`,
    seal(content) {
      const cipher = createCipheriv('aes-256-gcm', dataKey, iv);
      return Buffer.concat([cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    },
  };
}

/** The item as it is served to an organisation that has its content encrypted. */
export function encrypted(item: SampleItem, isForeign: boolean): SampleItem {
  return {
    ...item,
    fate: isForeign ? 'encrypted' : item.fate,
    tags: [...item.tags, 'encrypted'],
    line(receivedAt) {
      const seal = sealOf(createHash('sha256').update(item.id).digest('hex'), isForeign);
      const line = JSON.parse(item.line(receivedAt).toString()) as Record<string, unknown>;
      return Buffer.from(
        JSON.stringify(typeof line['mime'] === 'string' ? sealedMail(line, seal) : sealedChat(line, seal)),
      );
    },
  };
}

function sealedChat(line: Record<string, unknown>, { keyId, header, seal }: Seal) {
  const base64 = (content: Buffer) => seal(content).toString('base64');
  const files = (line['attachment'] ?? []) as { content?: string }[];
  const text = line['textContent'];
  return {
    ...line,
    ...(typeof text === 'string' && text !== '' && { textContent: base64(Buffer.from(text)) }),
    attachment: files.map((file) => ({
      ...file,
      content: base64(Buffer.from(file.content ?? '', 'base64')),
    })),
    securityContent: { dataKey: header, keyId },
  };
}

function sealedMail(line: Record<string, unknown>, seal: Seal) {
  const mail = Buffer.from(line['mime'] as string, 'base64');
  const sealed = sealedPart(mail, seal);
  const headers = `X-TELEMESSAGE-ENC-DATAKEY: ${seal.header}\r\nX-TELEMESSAGE-ENC-KEY-ID: ${seal.keyId}\r\n`;
  return { ...line, mime: Buffer.concat([Buffer.from(headers), sealed]).toString('base64') };
}

/** A part of a well-formed mail with its leaves sealed: the samples know no others. */
function sealedPart(part: Buffer, seal: Seal): Buffer {
  const text = part.toString('latin1');
  const split = text.indexOf('\r\n\r\n');
  const [header, body] = [text.slice(0, split), text.slice(split + 4)];
  const boundary = /boundary="([^"]+)"/i.exec(header)?.[1];
  if (boundary !== undefined) {
    const [before, ...parts] = body.split(`--${boundary}`);
    const sealed = parts.map((one) =>
      one.startsWith('--')
        ? one
        : `\r\n${sealedPart(Buffer.from(one.slice(2, -2), 'latin1'), seal).toString('latin1')}\r\n`,
    );
    return Buffer.from(`${header}\r\n\r\n${[before, ...sealed].join(`--${boundary}`)}`, 'latin1');
  }
  const encoding = /^content-transfer-encoding:\s*(\S+)/im.exec(header)?.[1]?.toLowerCase();
  const content = Buffer.from(body, 'latin1');
  const plain =
    encoding === 'base64'
      ? Buffer.from(body, 'base64')
      : encoding === 'quoted-printable'
        ? fromQuotedPrintable(body)
        : content;
  const ciphertext = seal.seal(plain);
  // A text is base64 once more inside its transfer encoding.
  const inner = /^content-type:\s*text\//im.test(header)
    ? Buffer.from(ciphertext.toString('base64'))
    : ciphertext;
  const lines = inner.toString('base64').replace(/.{76}/g, '$&\r\n');
  const fields = header.replace(/^content-transfer-encoding:[^\r\n]*\r?\n?/im, '').replace(/\r\n$/, '');
  return Buffer.from(`${fields}\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n`, 'latin1');
}

const fromQuotedPrintable = (body: string) =>
  Buffer.from(
    body
      .replace(/=\r\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  );
