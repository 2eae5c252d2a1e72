import { phrases, translate, type Phrase } from '../../shared/email/phrases';
import { languages } from '../../shared/languages';

const names = Object.keys(phrases) as Phrase[];
const formsOf = (phrase: Phrase, language: (typeof languages)[number]): string[] => {
  const text: string | Record<string, string> = phrases[phrase][language];
  return typeof text === 'string' ? [text] : Object.values(text);
};
const placesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, place]) => place!).sort();

describe.each(names)('the phrase %s', (phrase) => {
  const wanted = new Set(formsOf(phrase, 'en').flatMap(placesIn));

  test.each(languages)('has every place in %s, and no empty form', (language) => {
    for (const form of formsOf(phrase, language)) {
      expect(form.trim()).not.toBe('');
      const places = placesIn(form);
      expect(places.filter((place) => !wanted.has(place))).toEqual([]);
      // A singular may spell its number out.
      expect([...wanted].filter((place) => place !== 'count' && !places.includes(place))).toEqual([]);
    }
    const all = formsOf(phrase, language).flatMap(placesIn);
    if (wanted.has('count') && formsOf(phrase, 'en').every((form) => form.includes('{count}')))
      expect(all).toContain('count');
  });

  test.each(languages)('has a form for every number in %s', (language) => {
    const text: string | Record<string, string> = phrases[phrase][language];
    if (typeof text === 'string') return;
    expect(text['other']).toBeDefined();
    for (const category of new Intl.PluralRules(language).resolvedOptions().pluralCategories)
      expect(Object.keys(text)).toEqual(expect.arrayContaining(category === 'many' ? ['other'] : [category]));
  });
});

test.each([
  ['en', 1, 'Chat group: A (1 participant named)'],
  ['en', 2, 'Chat group: A (2 participants named)'],
  ['sv', 1, 'Chattgrupp: A (1 namngiven deltagare)'],
  ['sv', 3, 'Chattgrupp: A (3 namngivna deltagare)'],
  ['fr', 0, 'Groupe de discussion : A (0 participant nommé)'],
  ['fr', 2, 'Groupe de discussion : A (2 participants nommés)'],
  ['ko', 2, '그룹 채팅: A (참가자 2명 표시됨)'],
  ['zh-CN', 2, '群聊：A（列出 2 位成员）'],
] as const)('in %s, %d is counted as in %s', (language, count, text) => {
  expect(translate('group', { name: 'A', count }, language)).toBe(text);
});

test('fills no place of a value', () => {
  expect(translate('kind', { kind: '{status}' })).toBe('Kind: {status}');
});
