import { randomBytes } from '../../simulators/samples/random';

/** The feeds that the benches work on: made, because only their sizes and numbers matter. */

export const domain = 'contoso.example';
export const mailboxOf = (index: number) => `user${index}@${domain}`;
export const userIdOf = (index: number) => `00000000-0000-4000-a000-${String(index).padStart(12, '0')}`;

export const window = { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' };

/** A chat message from somebody outside to one mailbox. */
export function chatLine(id: number, mailbox: number, { outsider = 0, content = '' } = {}): Buffer {
  const number = (base: number, index: number) => String(base + index);
  return Buffer.from(
    JSON.stringify({
      messageId: `${1_763_600_000_000 + id}_${id}`,
      gatewayReceivedDate: '2026-11-20T08:00:00.000Z',
      sourceType: 'WHATSAPP_ARCHIVER',
      usersEmailAddress: [
        {
          mobileNumber: number(46_701_740_000, mailbox),
          emailAddress: mailboxOf(mailbox),
          firstName: 'User',
          lastName: `${mailbox}`,
        },
        {
          mobileNumber: number(12_015_550_000, outsider),
          emailAddress: `guest${outsider}@partner${outsider % 20}.example`,
        },
      ],
      messageContext: content === '' ? 'app-message' : 'multimedia-message',
      messageTime: '2026-11-20T07:59:00Z',
      direction: 'In',
      from: number(12_015_550_000, outsider),
      to: [number(46_701_740_000, mailbox)],
      textContent: `Message ${id}: `.padEnd(300, 'see you at noon '),
      ...(content === ''
        ? {}
        : { attachment: [{ name: 'file.bin', contentType: 'application/octet-stream', content }] }),
    }),
  );
}

const files = new Map<number, string>();
/** Random bytes in base64, made once: the id already makes each item another one. */
function fileOf(bytes: number): string {
  const file = files.get(bytes) ?? randomBytes(`bench ${bytes}`, bytes).toString('base64');
  files.set(bytes, file);
  return file;
}

/** A chat message with a file of random bytes. */
export const fileLine = (id: number, mailbox: number, bytes: number): Buffer =>
  chatLine(id, mailbox, { content: fileOf(bytes) });

/** A mail with a file of random bytes, in lines of 76 characters, as WeChat items arrive. */
export function mailLine(id: number, mailbox: number, bytes: number): Buffer {
  const file = fileOf(bytes).replace(/.{76}/g, '$&\r\n');
  const mail = [
    `From: Guest ${12_015_550_000 + id} <guest@partner.example>`,
    `To: User ${46_701_740_000 + mailbox} <${mailboxOf(mailbox)}>`,
    'Subject: WeChat message',
    'Date: Fri, 20 Nov 2026 07:59:00 +0000',
    'Content-Type: multipart/mixed; boundary="bench"',
    '',
    '--bench',
    'Content-Type: text/plain',
    '',
    `Message ${id}`,
    '--bench',
    'Content-Type: application/octet-stream; name="file.bin"',
    'Content-Disposition: attachment; filename="file.bin"',
    'Content-Transfer-Encoding: base64',
    '',
    file,
    '--bench--',
    '',
  ].join('\r\n');
  return Buffer.from(
    JSON.stringify({
      messageId: `${1_763_600_000_000 + id}_${id}`,
      gatewayReceivedDate: '2026-11-20T08:00:00.000Z',
      sourceType: 'WECHAT',
      usersEmailAddress: [
        { mobileNumber: String(46_701_740_000 + mailbox), emailAddress: mailboxOf(mailbox) },
      ],
      mime: Buffer.from(mail).toString('base64'),
    }),
  );
}
