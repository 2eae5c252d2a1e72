import { createHash } from 'node:crypto';
import { PermanentError } from '../../shared/errors';
import { readMail } from '../../shared/mail/read-mail';
import { context, digestOf, mail, mailFixtures } from '../support/mail-fixtures';

describe('readMail on the fixture mails', () => {
  const fixtures = mailFixtures();

  it('finds the fixtures', () => {
    expect(fixtures.length).toBeGreaterThan(55);
  });

  it.each(fixtures.map((fixture) => [fixture.name, fixture] as const))(
    'reads %s as expected',
    (_, fixture) => {
      expect(digestOf(readMail(fixture.raw, fixture.context))).toEqual(fixture.email);
    },
  );
});

describe('readMail', () => {
  it('keeps the header block as written', () => {
    const { headers } = readMail(mail('X-A: 1\nSubject: a\n b\n\nbody'), context);
    expect(headers).toBe('X-A: 1\r\nSubject: a\r\n b\r\n');
  });

  it('cuts a header block of 135 KB at a line end below 32 KB and still reads what stands behind', () => {
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

  it('has no header block for a mail without header', () => {
    expect(readMail(mail('just text'), context)).not.toHaveProperty('headers');
  });

  it('gives the same mail for the same bytes and leaves them as they are', () => {
    for (const { raw, context: given } of mailFixtures()) {
      const before = createHash('sha256').update(raw).digest('hex');
      expect(readMail(raw, given)).toEqual(readMail(Buffer.from(raw), given));
      expect(createHash('sha256').update(raw).digest('hex')).toBe(before);
    }
  });

  it('attaches a text of nothing but blanks when it has a file name', () => {
    const { body, attachments } = readMail(
      mail('Subject: x\nContent-Type: text/plain; name=blank.txt\n\n  \n'),
      context,
    );
    expect(body.content).toBe('');
    expect(attachments.map(({ name, content }) => [name, content.toString()])).toEqual([
      ['blank.txt', '  \r\n'],
    ]);
  });

  it('keeps the bytes of a text that is none, named or not, as they were sent', () => {
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

  it('attaches the file that the body was read from, but no text without a name', () => {
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

  it('does not parse nested mails, however deep they are', () => {
    const raw = mail(
      `Subject: x\nContent-Type: message/rfc822\n\n${'Content-Type: message/rfc822\n\n'.repeat(5000)}end`,
    );
    const { attachments, body } = readMail(raw, context);
    expect(body.content).toBe('');
    expect(attachments).toHaveLength(1);
    expect(raw.subarray(raw.indexOf('\r\n\r\n') + 4).equals(attachments[0]!.content)).toBe(true);
  });

  it('takes time in proportion to the length of hostile mails', () => {
    const hostile = [
      `To: ${',<'.repeat(100_000)}\n\nx`,
      `To: ${'('.repeat(200_000)}\n\nx`,
      `Subject: ${'=?a?q?'.repeat(50_000)}\n\nx`,
      `From: ${'=?a?q?x'.repeat(50_000)}?=\n\nx`,
      `Content-Type: text/plain; x=${'" '.repeat(100_000)}\n\nx`,
      `Content-Type: text/html\n\n${'<style><!--<p'.repeat(100_000)}`,
      `Content-Type: multipart/mixed; boundary=b\n${'\n--b\nContent-Type: multipart/mixed\n\nx'.repeat(20_000)}`,
      `Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'--\n'.repeat(300_000)}`,
      `Content-Transfer-Encoding: base64\n\n${'QQ=='.repeat(200_000)}`,
      `Date: ${'('.repeat(200_000)}\n\nx`,
      `References: ${'<a@'.repeat(100_000)}\n\nx`,
    ];
    const startedAt = performance.now();
    for (const text of hostile) readMail(mail(`From: a@x.com\n${text}`), context);
    // Quadratic reading of any one of them takes minutes.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
});

describe('the chat of a mail', () => {
  const chatOf = (text: string, messageId = '1_1') =>
    readMail(mail(`${text}\n\nx`), { ...context, messageId }).chat;
  const there = 'From: Li <li@x.com>\nTo: Anna <anna@x.com>\nSubject: WeChat message from Li to Anna';
  const back = 'From: Anna A <ANNA@x.com>\nTo: Li W <li@x.com>\nSubject: WeChat message from Anna to Li';

  it('is one for both directions', () => {
    expect(chatOf(back)).toEqual(chatOf(there));
  });

  it('is one for a message, its answer and its recall, whatever they refer to', () => {
    const answer = `${back}\nIn-Reply-To: <m1@x>\nReferences: <m1@x>`;
    const recall = there.replace('Subject: ', 'Subject: RECALLED ') + '\nReferences: <m1@x>';
    expect(chatOf(answer).key).toBe(chatOf(there).key);
    expect(chatOf(recall, 'RECALL-1_1')).toEqual(chatOf(there));
  });

  it('is another one for the group of the same people', () => {
    const group = there.replace('to Anna', 'to "chat group" Anna');
    expect(chatOf(group)).toEqual({ ...chatOf(group), topic: 'Anna' });
    expect(chatOf(group).key).not.toBe(chatOf(there).key);
  });

  it('is one for an act and its original even where neither names anybody', () => {
    expect(chatOf('Subject: RECALL hi', 'RECALL-1_1')).toEqual(chatOf('Subject: hi', '1_1'));
  });

  it('follows Thread-Index and then the root of References before the parties', () => {
    const index = (last: number): string =>
      Buffer.from([1, 0, 0, 0, 0, 0, ...Array(16).fill(7), last]).toString('base64');
    expect(chatOf(`From: a@x.com\nThread-Index: ${index(1)}`).key).toBe(
      chatOf(`From: b@x.com\nThread-Index: ${index(2)}`).key,
    );
    expect(chatOf('From: a@x.com\nReferences: <r@x> <a@x>').key).toBe(
      chatOf('From: b@x.com\nReferences: <r@x>').key,
    );
  });
});
