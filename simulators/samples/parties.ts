import type { Language } from './organisation';
import { colleaguesIn, mentions, outsidersIn, type Mention } from './people';
import type { Random } from './random';

/** Who talks to whom. */

export interface Parties {
  from: Mention;
  to: Mention[];
  language: Language;
}

const languages: Language[] = [
  'zh',
  'zh',
  'zh',
  'zh',
  'zhHant',
  'ko',
  'ko',
  'ja',
  'sv',
  'sv',
  'fr',
  'en',
  'en',
];

/** One employee, and others of whom about two in three are colleagues. */
export function parties(r: Random, others: number, language: Language = r.pick(languages)): Parties {
  const near: Language[] = [language, 'en'];
  const owner = r.pick(colleaguesIn(language));
  const inside = colleaguesIn(...near).filter((person) => person !== owner);
  const outside = outsidersIn(...near);
  const insiders = Array.from({ length: others }, () => r.chance(0.8)).filter(Boolean).length;
  const rest = [...r.some(inside, insiders), ...r.some(outside, others - insiders)];
  const all = mentions([owner, ...rest], r);
  const speaker = r.chance(0.5) ? 0 : r.int(all.length);
  return { from: all[speaker]!, to: all.filter((_, index) => index !== speaker), language };
}

export const everybody = ({ from, to }: Parties) => [from, ...to];
