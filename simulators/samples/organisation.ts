import { createHash } from 'node:crypto';

/** The users of the simulated tenant. */

export interface TenantUser {
  /** Object id, a GUID. */
  id: string;
  displayName: string;
  userPrincipalName: string;
  mail: string | null;
  /** As the directory writes them: `SMTP:primary@…`, `smtp:other@…`. */
  proxyAddresses: string[];
  mobilePhone: string | null;
  accountEnabled: boolean;
  userType: 'Member' | 'Guest';
  /** Whether the user has a mailbox that Graph can reach, or why not. */
  mailbox: 'normal' | 'none' | 'notSupported' | 'onPremises';
  /** The largest message in bytes; 35 MB by default, as in Exchange Online. */
  messageLimitBytes?: number;
  /** The size of the mailbox in bytes; unlimited by default. */
  quotaBytes?: number;
  /** False if the app's management scope does not include the mailbox. */
  inScope?: boolean;
}

export type Language = 'zh' | 'zhHant' | 'ko' | 'ja' | 'sv' | 'fr' | 'en';
export type Country = 'CN' | 'HK' | 'TW' | 'KR' | 'JP' | 'SE' | 'FR' | 'GB' | 'US';

export interface Employee {
  user: TenantUser;
  givenName: string;
  familyName: string;
  /** The name in the person's own script, and in the usual order there. */
  nativeName: string;
  language: Language;
  country: Country;
  /** The mobile number: international digits without `+`. */
  number: string;
}

const european = 'nordlink.example';
const asian = 'nordlink-asia.example';
/** UPN suffix of the accounts of an acquired company: their UPN is not their mail address. */
const corporate = 'corp.nordlink.example';

/** The first mobile number for each country. The numbers for Sweden and the US are reserved for fiction. */
const numberBlocks: Record<Country, number> = {
  CN: 8613900001000,
  HK: 85291234000,
  TW: 886912345000,
  KR: 821020001000,
  JP: 819012345000,
  SE: 46701740605,
  FR: 33612345000,
  GB: 447400123000,
  US: 12015550100,
};

type Names = [given: string, family: string, native: string];

const names: [Country, Language, Names[]][] = [
  [
    'CN',
    'zh',
    [
      ['Wei', 'Zhang', '张伟'],
      ['Fang', 'Wang', '王芳'],
      ['Na', 'Li', '李娜'],
      ['Yang', 'Liu', '刘洋'],
      ['Jing', 'Chen', '陈静'],
      ['Lei', 'Zhao', '赵磊'],
      ['Min', 'Huang', '黄敏'],
      ['Xiaoming', 'Zhou', '周晓明'],
      ['Lihua', 'Wu', '吴丽华'],
      ['Jun', 'Xu', '徐军'],
      ['Mei', 'Sun', '孙梅'],
      ['Tao', 'Ma', '马涛'],
      ['Yifan', 'Ouyang', '欧阳一帆'],
      ['Hui', 'Lü', '吕慧'],
    ],
  ],
  [
    'HK',
    'zhHant',
    [
      ['Ka Ming', 'Chan', '陳家明'],
      ['Siu Ling', 'Wong', '黃小玲'],
    ],
  ],
  [
    'TW',
    'zhHant',
    [
      ['Chih-Hao', 'Lin', '林志豪'],
      ['Ya-Ting', 'Hsu', '許雅婷'],
    ],
  ],
  [
    'KR',
    'ko',
    [
      ['Min-jun', 'Kim', '김민준'],
      ['Seo-yeon', 'Lee', '이서연'],
      ['Ji-ho', 'Park', '박지호'],
      ['Ha-eun', 'Choi', '최하은'],
      ['Do-yun', 'Jung', '정도윤'],
      ['Soo-jin', 'Kang', '강수진'],
      ['Hyun-woo', 'Cho', '조현우'],
      ['Ye-rin', 'Yoon', '윤예린'],
    ],
  ],
  [
    'JP',
    'ja',
    [
      ['Haruto', 'Sato', '佐藤陽翔'],
      ['Yui', 'Tanaka', '田中結衣'],
    ],
  ],
  [
    'SE',
    'sv',
    [
      ['Åsa', 'Lindqvist', 'Åsa Lindqvist'],
      ['Erik', 'Johansson', 'Erik Johansson'],
      ['Björn', 'Öberg', 'Björn Öberg'],
      ['Karin', 'Nyström', 'Karin Nyström'],
      ['Lars', 'Håkansson', 'Lars Håkansson'],
      ['Maja', 'Sjöström', 'Maja Sjöström'],
      ['Nils', 'Ekström', 'Nils Ekström'],
      ['Ingrid', 'Bergström', 'Ingrid Bergström'],
      ['Oskar', 'Dahl', 'Oskar Dahl'],
      ['Elsa', 'Fröberg', 'Elsa Fröberg'],
      ['Göran', 'Ahlström', 'Göran Ahlström'],
      ['Sara', 'von Platen', 'Sara von Platen'],
    ],
  ],
  [
    'FR',
    'fr',
    [
      ['Élodie', 'Lefèvre', 'Élodie Lefèvre'],
      ['François', 'Garçon', 'François Garçon'],
      ['Chloé', 'Moreau', 'Chloé Moreau'],
      ['Jean-Noël', 'Béranger', 'Jean-Noël Béranger'],
      ['Agnès', "D'Hôtel", "Agnès D'Hôtel"],
    ],
  ],
  [
    'GB',
    'en',
    [
      ['Siobhan', "O'Brien", "Siobhan O'Brien"],
      ['James', 'Whitfield', 'James Whitfield'],
      ['Priya', 'Raman', 'Priya Raman'],
      ['Thomas', 'Ash', 'Thomas Ash'],
      ['Grace', 'Okafor', 'Grace Okafor'],
    ],
  ],
  [
    'US',
    'en',
    [
      ['Daniel', 'Reyes', 'Daniel Reyes'],
      ['Emily', 'Carter', 'Emily Carter'],
    ],
  ],
];

const asGuid = (text: string) => {
  const hex = createHash('sha256').update(text).digest('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20, 32)].join('-');
};

const plain = (name: string) =>
  name
    // Addresses are ASCII, and normalize() does not decompose this letter.
    .replace(/œ/gi, 'oe')
    .normalize('NFD')
    .replace(/[\u0300-\u036f\s]/g, '')
    .toLowerCase();

const nextIn = new Map<Country, number>();
function employee(country: Country, language: Language, [given, family, nativeName]: Names): Employee {
  const index = nextIn.get(country) ?? 0;
  nextIn.set(country, index + 1);
  const number = String(numberBlocks[country] + index);
  const address = `${plain(given)}.${plain(family)}@${['SE', 'FR', 'GB', 'US'].includes(country) ? european : asian}`;
  const acquired = index % 4 === 1;
  const upn = acquired ? `${plain(given)[0]}${plain(family)}@${corporate}` : address;
  const proxyAddresses =
    index % 3 === 0 ? [`SMTP:${address}`, `smtp:${plain(family)}.${plain(given)}+records@${european}`] : [];
  return {
    user: {
      id: asGuid(upn),
      displayName: index % 2 === 0 ? `${given} ${family}` : nativeName,
      userPrincipalName: upn,
      mail: address,
      proxyAddresses,
      mobilePhone: index % 5 === 4 ? null : `+${number}`,
      accountEnabled: true,
      userType: 'Member',
      mailbox: 'normal',
    },
    givenName: given,
    familyName: family,
    nativeName,
    language,
    country,
    number,
  };
}

/** Everybody with an ordinary mailbox. The parties of a sample chat are picked from them. */
export const staff: Employee[] = names.flatMap(([country, language, list]) =>
  list.map((one) => employee(country, language, one)),
);

function special(
  country: Country,
  language: Language,
  one: Names,
  differences: Partial<TenantUser>,
): Employee {
  const made = employee(country, language, one);
  return { ...made, user: { ...made.user, ...differences } };
}

/** People with an unusual mailbox. Each is in a few items of a day. */
export const exceptions = {
  /** A shared mailbox is a user who cannot sign in. */
  shared: special('SE', 'en', ['Trading', 'Desk', 'Trading Desk'], { accountEnabled: false }),
  guest: special('US', 'en', ['Pat', 'Partner', 'Pat Partner'], {
    userPrincipalName: `pat_partner.example#EXT#@${european}`,
    mail: 'pat@partner.example',
    proxyAddresses: [],
    userType: 'Guest',
    mailbox: 'none',
  }),
  unlicensed: special('CN', 'zh', ['Gang', 'He', '何刚'], { mailbox: 'none' }),
  notSupported: special('KR', 'ko', ['Tae-yang', 'Shin', '신태양'], { mailbox: 'notSupported' }),
  onPremises: special('SE', 'sv', ['Gunnar', 'Wikström', 'Gunnar Wikström'], { mailbox: 'onPremises' }),
  /** Space for a few thousand chat messages, but not for one large file. */
  nearlyFull: special('GB', 'en', ['Harriet', 'Moss', 'Harriet Moss'], { quotaBytes: 2 * 1024 * 1024 }),
  outOfScope: special('FR', 'fr', ['Benoît', 'Cœur', 'Benoît Cœur'], { inScope: false }),
  /** No mail address in the directory: found only by user principal name. */
  upnOnly: special('CN', 'zh', ['Ping', 'Gao', '高平'], { mail: null, proxyAddresses: [] }),
} as const satisfies Record<string, Employee>;

export const organisation: TenantUser[] = [...staff, ...Object.values(exceptions)].map(({ user }) => user);
