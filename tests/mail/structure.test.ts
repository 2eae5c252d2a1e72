import PostalMime from 'postal-mime';
import { PermanentError } from '../../shared/errors';
import { readStructure } from '../../shared/mail/structure';
import { readMail } from '../../shared/mail/read-mail';
import { context, mail, mailFixtures } from '../support/mail-fixtures';

/** Random numbers from a seed, so that a failing mutant can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const ends = ['\r\n', '\n', '\r', '\r\n\r\n', ' ', '--', '\0', ';', '"', '=?utf-8?Q?', '<', ':', '=', '\xff'];
const lines = [
  '--b1\r\n',
  '--b1--\r\n',
  '--b2\r\n',
  'Content-Type: multipart/mixed; boundary=b1\r\n',
  'Content-Transfer-Encoding: base64\r\n',
  'Content-Type: message/rfc822\r\n',
];

function mutate(raw: Buffer, random: (below: number) => number): Buffer {
  let bytes = raw;
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(bytes.length + 1);
    const head = bytes.subarray(0, at);
    const kind = random(6);
    if (kind === 0) bytes = Buffer.concat([head, bytes.subarray(at + 1 + random(40))]);
    else if (kind === 1)
      bytes = Buffer.concat([head, Buffer.from(ends[random(ends.length)]!, 'latin1'), bytes.subarray(at)]);
    else if (kind === 2)
      bytes = Buffer.concat([head, Buffer.from(lines[random(lines.length)]!), bytes.subarray(at)]);
    else if (kind === 3) bytes = Buffer.concat([head, bytes.subarray(random(bytes.length + 1))]);
    else if (kind === 4) bytes = Buffer.from(head);
    else bytes = Buffer.concat([head, Buffer.from([random(256)]), bytes.subarray(at + 1)]);
  }
  return bytes;
}

const bases = mailFixtures()
  .map(({ raw }) => raw)
  .filter((raw) => raw.length > 0 && raw.length < 6000);

describe('readStructure on damaged mails', () => {
  it('reads 3,000 mutants with no error but `unreadable`, and finds valid byte ranges', () => {
    const random = randomFrom(20_240_531);
    for (let i = 0; i < 3000; i++) {
      const raw = mutate(bases[i % bases.length]!, random);
      try {
        const { leaves } = readStructure(raw);
        let from = 0;
        for (const leaf of leaves) {
          expect(leaf.start >= from && leaf.end >= leaf.start && leaf.end <= raw.length).toBe(true);
          from = leaf.end;
        }
        const email = readMail(raw, context);
        expect(JSON.stringify([email.subject, email.body.content, email.conversation.topic])).not.toMatch(
          /\\u0000|\\ud[89a-f]/,
        );
        for (const { name } of email.attachments) expect(name).toMatch(/^[^/\\\p{Cc}]+$/u);
      } catch (error) {
        if (!(error instanceof PermanentError))
          throw new Error(`mutant ${i}: ${raw.toString('base64')}`, { cause: error });
      }
    }
  });

  it('loses no text of any part, however the lines between the parts are damaged', () => {
    const token = (i: number): string => `T${i}x`.repeat(3);
    const part = (i: number, type: string): string =>
      `--b1\r\nContent-Type: ${type}\r\n\r\n${token(i)} of ${i}\r\n${token(i + 100)}\r\n`;
    const inner = `--b1\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n${part(3, 'text/plain').replace('b1', 'b2')}${part(4, 'text/html').replace('b1', 'b2')}--b2--\r\n`;
    const whole = `Subject: s\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n${part(1, 'text/plain')}${part(2, 'image/png; name=x')}${inner}${part(5, 'message/rfc822')}${part(6, 'x/y')}--b1--\r\n`;
    const structure = whole.split(/(?<=\n)/);
    const random = randomFrom(7);
    let lost: string[] = [];
    for (let i = 0; i < 1000; i++) {
      const mutant = [...structure];
      for (let changes = 1 + random(3); changes > 0; changes--) {
        const at = random(mutant.length);
        if (random(2) === 0) mutant.splice(at, 0, lines[random(4)]!);
        else if (!/^T\d/.test(mutant[at]!)) mutant.splice(at, 1);
      }
      const email = readMail(Buffer.from(mutant.join('')), context);
      const found = [email.body.content, ...email.attachments.map(({ content }) => content.toString())].join(
        '\n',
      );
      lost = structure.filter((line) => /^T\d/.test(line) && !found.includes(line.trim()));
      if (lost.length > 0) throw new Error(`mutant ${i} lost ${lost.join()}:\n${mutant.join('')}`);
    }
  });
});

describe('readStructure', () => {
  it('leaves only headers, delimiters and the line breaks around them outside the parts', () => {
    const raw = mail(
      'Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nX-A: 1\n\none\n\n--b\n\ntwo\n--b--\n',
    );
    let rest = raw.toString('latin1');
    for (const leaf of readStructure(raw).leaves.reverse())
      rest = rest.slice(0, leaf.start) + '#' + rest.slice(leaf.end);
    expect(rest).toBe(
      'Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-A: 1\r\n\r\n#\r\n--b\r\n\r\n#\r\n--b--\r\n',
    );
  });

  it('accepts a delimiter only at the start of a line and followed by nothing but blanks', () => {
    const raw = mail(
      'Content-Type: multipart/mixed; boundary=b\n\n--b \t\n\n--bb\n --b\nx--b\n--b x\n--b--\n',
    );
    expect(readStructure(raw).leaves.map(({ start, end }) => raw.toString('latin1', start, end))).toEqual([
      '--bb\r\n --b\r\nx--b\r\n--b x',
    ]);
  });
});

/**
 * postal-mime as a second opinion on ordinary mails. It is known to differ in some charsets, in blanks, and in parts
 * that it drops; there only the fixtures decide.
 */
describe('readMail beside postal-mime', () => {
  const ordinary =
    /^(chat-|thread-index|references-root|charset-(gb18030|big5|koi8|windows-1252|shift)|structure-(lf-only|only-attachment|inner-unclosed|unclosed|reused))/;
  const cases = mailFixtures().filter(({ name }) => ordinary.test(name) && name !== 'chat-group');

  it.each(cases.map((fixture) => [fixture.name, fixture] as const))(
    'reads %s alike',
    async (_, { raw, context: given }) => {
      const ours = readMail(raw, given);
      const theirs = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
      const plain = (text: string | undefined): string => (text ?? '').replace(/\r\n/g, '\n').trim();
      expect(ours.subject).toBe(theirs.subject ?? '');
      expect(ours.from?.address).toBe(theirs.from?.address);
      expect(ours.to.map(({ address }) => address)).toEqual((theirs.to ?? []).map(({ address }) => address));
      expect(plain(ours.body.content)).toBe(plain(theirs.text ?? theirs.html));
      for (const file of theirs.attachments) {
        // Outside base64, postal-mime adds a line feed and removes carriage returns.
        const bytes = Buffer.from(file.content as ArrayBuffer);
        const sameBytes = ours.attachments.find(
          ({ content }) => content.equals(bytes) || plain(content.toString()) === plain(bytes.toString()),
        );
        expect(sameBytes?.contentType).toBe(file.mimeType);
      }
    },
  );
});
