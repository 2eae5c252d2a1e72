import { applySizeRules } from '../../shared/email/size-rules';
import { aFile, anEmail, sha256 } from '../support/email-fixtures';

const limit = 1_000;
const file = (name: string, size: number) => aFile(name, Buffer.alloc(size, 'x'));
const body = (content: string) => ({ type: 'text' as const, content });

describe('applySizeRules', () => {
  test('keeps an attachment of exactly the limit and drops one that is a byte larger', () => {
    const email = anEmail({
      body: body(''),
      attachments: [file('over.bin', limit + 1), file('exact.bin', limit)],
    });
    expect(applySizeRules(email, limit)).toEqual({
      kind: 'fits',
      email: { ...email, attachments: [email.attachments[1]] },
      dropped: [{ name: 'over.bin', size: limit + 1, sha256: sha256('x'.repeat(limit + 1)) }],
    });
    expect(email.attachments).toHaveLength(2);
  });

  test('refuses small files that together are too large', () => {
    const email = anEmail({ body: body('1'), attachments: [file('a', 500), file('b', 500)] });
    expect(applySizeRules(email, limit)).toEqual({ kind: 'tooLarge', bytes: limit + 1 });
  });

  test('drops large attachments first and adds up the rest', () => {
    const email = anEmail({ body: body('x'.repeat(500)), attachments: [file('a', 5_000), file('b', 500)] });
    expect(applySizeRules(email, limit)).toMatchObject({
      kind: 'fits',
      dropped: [{ name: 'a', size: 5_000 }],
    });
  });

  test('counts the text in bytes, not in characters', () => {
    expect(applySizeRules(anEmail({ body: body('\u4f60'.repeat(333) + 'x') }), limit).kind).toBe('fits');
    expect(applySizeRules(anEmail({ body: body('\u4f60'.repeat(334)) }), limit)).toEqual({
      kind: 'tooLarge',
      bytes: 1_002,
    });
  });

  test('drops every attachment above the limit, in the order of the source', () => {
    const attachments = [file('a', 2_000), file('b', 0), file('c', 3_000)];
    const sized = applySizeRules(anEmail({ attachments }), limit);
    expect(sized).toMatchObject({ kind: 'fits', dropped: [{ name: 'a' }, { name: 'c' }] });
  });
});
