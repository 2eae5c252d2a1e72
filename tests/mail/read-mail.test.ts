import { createHash } from 'node:crypto';
import { PermanentError } from '../../shared/errors';
import { readMail } from '../../shared/mail/read-mail';
import { asFixture, context, mail, mailFixtures } from '../support/mail-fixtures';

describe('readMail on the fixture mails', () => {
  const fixtures = mailFixtures();

  it('finds all fixtures', () => {
    expect(fixtures.length).toBeGreaterThan(55);
  });

  it.each(fixtures.map((fixture) => [fixture.name, fixture] as const))(
    'reads %s as expected',
    (_, fixture) => {
      expect(asFixture(readMail(fixture.raw, fixture.context))).toEqual(fixture.email);
    },
  );
});

describe('readMail', () => {
  it('keeps the header block as written', () => {
    const { headers } = readMail(mail('X-A: 1\nSubject: a\n b\n\nbody'), context);
    expect(headers).toBe('X-A: 1\r\nSubject: a\r\n b\r\n');
  });

  it('cuts a header block of 135 KB at a line end below 32 KB and still reads the fields behind the cut', () => {
    const { headers, subject, body } = readMail(
      mail(`${'X-Padding: é123456789\n'.repeat(6200)}Subject: found\n\nbody`),
      context,
    );
    expect(subject).toBe('found');
    expect(body.content).toBe('body');
    expect(Buffer.byteLength(headers ?? '')).toBeLessThanOrEqual(32 * 1024);
    expect(Buffer.byteLength(headers ?? '')).toBeGreaterThan(31 * 1024);
    expect(headers?.endsWith('123456789\r\n')).toBe(true);
  });

  it('adds the people of a damaged field to no other field', () => {
    const { cc, to } = readMail(
      mail('To: a@x.com,\nb@x.com\nCc: c@x.com\nReturn, ath: <stranger@x.com>\nSubject: s\n\nx'),
      context,
    );
    expect(cc.map(({ address }) => address)).toEqual(['c@x.com']);
    expect(to.map(({ address }) => address)).toEqual(['a@x.com', 'b@x.com']);
  });

  it('gives no header block for a mail without a header', () => {
    expect(readMail(mail('just text'), context)).not.toHaveProperty('headers');
  });

  it('gives the same result for the same bytes and does not change them', () => {
    for (const { raw, context: given } of mailFixtures()) {
      const before = createHash('sha256').update(raw).digest('hex');
      expect(readMail(raw, given)).toEqual(readMail(Buffer.from(raw), given));
      expect(createHash('sha256').update(raw).digest('hex')).toBe(before);
    }
  });

  it('attaches a text of nothing but blanks if it has a file name', () => {
    const { body, attachments } = readMail(
      mail('Subject: x\nContent-Type: text/plain; name=blank.txt\n\n  \n'),
      context,
    );
    expect(body.content).toBe('');
    expect(attachments.map(({ name, content }) => [name, content.toString()])).toEqual([
      ['blank.txt', '  \r\n'],
    ]);
  });

  it('keeps the bytes of a part that only claims to be text, named or not', () => {
    const bytes = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * i * 7 + i) & 255));
    const read = (type: string) =>
      readMail(
        mail(`Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${bytes.toString('base64')}\n`),
        context,
      );
    for (const charset of ['', '; charset=utf-8', '; charset=utf-16', '; charset=gb2312']) {
      const named = read(`text/plain; name=data.bin${charset}`);
      expect(named.body.content).toBe('');
      expect(named.attachments.map(({ name, content }) => [name, content.equals(bytes)])).toEqual([
        ['data.bin', true],
      ]);
      expect(named.bodyFile).toBeUndefined();
      const unnamed = read(`text/plain${charset}`);
      expect([...unnamed.attachments, unnamed.bodyFile].map((file) => file?.content.equals(bytes))).toEqual([
        true,
      ]);
    }
  });

  it('attaches the part that the body was read from if it has a file name', () => {
    const read = (header: string) => readMail(mail(`${header}\n\nSee below.\n`), context);
    expect(read('Content-Type: text/plain').bodyFile).toBeUndefined();
    for (const header of [
      'Content-Type: text/plain; name="C:\\notes.txt"',
      'Content-Type: text/plain\nContent-Disposition: inline; filename=notes.txt',
    ]) {
      const { body, bodyFile, attachments } = read(header);
      expect([body.content, attachments]).toEqual(['See below.\r\n', []]);
      expect([bodyFile?.name, bodyFile?.content.toString()]).toEqual(['notes.txt', 'See below.\r\n']);
    }
  });

  it('reads 256 levels of parts and refuses more', () => {
    const nested = (depth: number): Buffer => {
      const levels = Array.from(
        { length: depth },
        (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`,
      );
      return mail(`Subject: x\n${levels.join('')}\ninnermost`);
    };
    expect(readMail(nested(256), context).body.content).toBe('innermost');
    expect(() => readMail(nested(257), context)).toThrow(PermanentError);
    expect(() => readMail(nested(10_000), context)).toThrow('nested more than 256 levels');
  });

  it('does not parse nested mails, however deep', () => {
    const raw = mail(
      `Subject: x\nContent-Type: message/rfc822\n\n${'Content-Type: message/rfc822\n\n'.repeat(5000)}end`,
    );
    const { attachments, body } = readMail(raw, context);
    expect(body.content).toBe('');
    expect(attachments).toHaveLength(1);
    expect(raw.subarray(raw.indexOf('\r\n\r\n') + 4).equals(attachments[0]!.content)).toBe(true);
  });
});
