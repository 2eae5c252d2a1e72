import { usableAddress } from '../../shared/email/recipient';

describe('usableAddress', () => {
  test.each(['a@b.co', ' user+tag@sub.example.com ', "o'neil@example.com", `${'l'.repeat(64)}@example.com`])(
    'accepts %j',
    (text) => {
      expect(usableAddress(text)).toBe(text.trim());
    },
  );

  test.each([
    '',
    '@',
    'a',
    '@b.co',
    'a@b',
    'a@b.1',
    'a@b.c',
    'a@b.c0',
    'a@-b.co',
    'a@b..co',
    '.a@b.co',
    'a.@b.co',
    'a..b@b.co',
    'a b@b.co',
    'a@b@c.co',
    '"a"@b.co',
    'a@[10.0.0.1]',
    'é@b.co',
    'a@bé.co',
    'a\0@b.co',
    'a@b.co\u2028x',
    '<a@b.co>',
    'a@b.co,c@d.co',
    `${'l'.repeat(65)}@example.com`,
    `a@${'d.'.repeat(130)}com`,
    `a@${'d'.repeat(64)}.com`,
  ])('refuses %j', (text) => {
    expect(usableAddress(text)).toBeUndefined();
  });
});
