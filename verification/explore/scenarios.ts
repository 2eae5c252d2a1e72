import type { ConnectorId } from '../../shared/connectors';

/** The scenarios that are explored: small days that together hold every kind of item that behaves differently. */

export interface Scenario {
  name: string;
  /** The first one is that of every line that names none. */
  connectors: readonly [ConnectorId, ...ConnectorId[]];
  users: { userId: string; address: string }[];
  lines: SiteLine[];
  pageItems: number;
  /**
   * The mailboxes that each readable item must reach, and its attachments there. The body must name the `missing`
   * ones instead.
   */
  expected: { sourceId: string; userIds: string[]; attachments: string[]; missing?: string[] }[];
  /** How many of the lines that are no text end in quarantine all the same. */
  failing?: number;
  /** The cloud has no upload sessions, so it refuses larger attachments. */
  withoutSessions?: boolean;
  /** An operator requests the same window at the same time. */
  backfill?: boolean;
  /** How many daily windows are due. */
  windows?: number;
  /** How many lines arrived so late in a window that the next one lists them again. */
  listedTwice?: number;
  /** The custom mapping file. */
  mapping?: string;
  /** The file that the fault `mappingChanged` puts in its place, and where the items belong then. */
  mappingLater?: string;
  expectedLater?: Scenario['expected'];
  /**
   * What is wrong until an administrator repairs it and an operator redrives the quarantine. They do so once a batch is
   * closed, and again whenever nothing is left to do.
   */
  repairs?: { missingUsers: string[]; fullMailboxes: string[]; isFirstPageDamaged?: boolean };
  /** How far the second worker's clock is ahead of the first one's. */
  aheadMs?: number;
  settings?: Record<string, string>;
  /**
   * The invocations that get the first fault of a core pair; at others, the pair would repeat what another pair or
   * scenario explores. No core pairs if absent.
   */
  pairsFrom?: RegExp;
}

/** `line` has no line feed; an object is served with the number of the serving. */
export interface SiteLine {
  arrivedAt: string;
  line: Record<string, unknown> | string;
  connector?: ConnectorId;
  /** The site lists it only after it has once served a window of the connector to its end. */
  isListedLate?: boolean;
}

/** Ends the worker that reads it. */
export const poisonous = 'a text that ends its worker';

/** On the hour, so that the first timer fires at the start. */
export const startMs = Date.parse('2026-11-21T01:00:00.000Z');

const people = {
  anna: { userId: 'user-anna', address: 'anna@contoso.example', number: '46701740605' },
  bo: { userId: 'user-bo', address: 'bo@contoso.example', number: '46701740606' },
  cy: { userId: 'user-cy', address: 'cy@contoso.example', number: '46701740607' },
};
type Name = keyof typeof people;
const users = Object.values(people).map(({ userId, address }) => ({ userId, address }));

const usualArrival = '2026-11-20T08:00:05Z';

function chat(
  id: string,
  from: Name,
  to: Name[],
  { arrivedAt = usualArrival, ...change }: Record<string, unknown> & { arrivedAt?: string } = {},
): SiteLine {
  return {
    arrivedAt,
    line: {
      messageId: id,
      gatewayReceivedDate: arrivedAt,
      sourceType: 'WHATSAPP_ARCHIVER',
      usersEmailAddress: [from, ...to].map((name) => ({
        mobileNumber: people[name].number,
        emailAddress: people[name].address,
      })),
      messageContext: 'app-message',
      messageTime: '2026-11-20T08:00:00Z',
      direction: 'Out',
      from: people[from].number,
      to: to.map((name) => people[name].number),
      textContent: `text of ${id}`,
      ...change,
    },
  };
}

const file = (name: string, bytes: number) => ({
  name,
  contentType: 'application/octet-stream',
  content: Buffer.alloc(bytes, name).toString('base64'),
});
const ids = (...names: Name[]) => names.map((name) => people[name].userId);

const plain = chat('1_1', 'anna', ['bo', 'cy']);
const withFiles = chat('1_2', 'anna', [], {
  usersEmailAddress: [{ mobileNumber: people.anna.number, emailAddress: people.anna.address }],
  to: ['12025550123'],
  attachment: [file('small.txt', 10), file('large.bin', 300)],
});
const single = chat('1_3', 'cy', [], {
  usersEmailAddress: [{ mobileNumber: people.cy.number, emailAddress: people.cy.address }],
  to: ['12025550123'],
});
const expectedPlain = { sourceId: '1_1', userIds: ids('anna', 'bo', 'cy'), attachments: [] };
const expectedFiles = { sourceId: '1_2', userIds: ids('anna'), attachments: ['small.txt', 'large.bin'] };
const expectedSingle = { sourceId: '1_3', userIds: ids('cy'), attachments: [] };

/** An item for three mailboxes, one that takes several requests, and one in a second batch. */
const day: Scenario = {
  name: 'day',
  connectors: ['whatsapp'],
  users,
  lines: [plain, withFiles, single],
  pageItems: 2,
  expected: [expectedPlain, expectedFiles, expectedSingle],
  // The two batches behave alike.
  pairsFrom: /^(?!import 2)/,
};

/** An item that the site serves twice, an unreadable one, and the window fetched on request as well. */
const again: Scenario = {
  name: 'again',
  connectors: ['whatsapp'],
  users,
  lines: [withFiles, single, single, { arrivedAt: '2026-11-20T09:00:00Z', line: '{"messageId":"1_4"' }],
  pageItems: 2,
  expected: [expectedFiles, expectedSingle],
  backfill: true,
};

/** One mailbox of an item is full, and another item has no mailbox at all. Both are repaired and redriven. */
const redriven: Scenario = {
  name: 'redriven',
  connectors: ['whatsapp'],
  users,
  lines: [chat('1_1', 'anna', ['bo']), withFiles, single],
  pageItems: 2,
  expected: [{ ...expectedPlain, userIds: ids('anna', 'bo') }, expectedFiles, expectedSingle],
  repairs: { missingUsers: ids('cy'), fullMailboxes: ids('bo') },
  pairsFrom: /^redrive 1/,
};

const mail = (id: string, from: Name, to: Name, ...rest: string[]): SiteLine & { line: object } => ({
  arrivedAt: usualArrival,
  line: {
    messageId: id,
    gatewayReceivedDate: usualArrival,
    sourceType: 'WECHAT_ARCHIVER',
    usersEmailAddress: [from, to].map((name) => ({
      mobileNumber: people[name].number,
      emailAddress: people[name].address,
    })),
    mime: Buffer.from(
      [
        `From: ${people[from].address}`,
        `To: ${people[to].address}`,
        'Date: Fri, 20 Nov 2026 08:00:00 +0000',
        ...rest,
      ].join('\r\n'),
    ).toString('base64'),
  },
});
const parts = [
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'two files',
  ...['small.txt', 'large.bin'].flatMap((name) => [
    '--b',
    'Content-Type: application/octet-stream',
    `Content-Disposition: attachment; filename=${name}`,
    '',
    name.repeat(name === 'large.bin' ? 40 : 1),
  ]),
  '--b--',
];

const mappingOfBo = (to: Name) => `Mobile number,Email address\n${people.bo.number},${people[to].address}\n`;

/** Mails, a custom mapping from Bo's number to Cy's address, and two workers whose clocks differ. */
const mails: Scenario = {
  name: 'mails',
  connectors: ['wechat'],
  users,
  lines: [
    mail('1_1', 'anna', 'bo', 'Subject: Plain', '', 'text'),
    mail('1_2', 'anna', 'anna', ...parts),
    mail('1_3', 'cy', 'cy', 'Subject: Another', '', 'text'),
  ],
  pageItems: 2,
  expected: [{ ...expectedPlain, userIds: ids('anna', 'cy') }, expectedFiles, expectedSingle],
  mapping: mappingOfBo('cy'),
  mappingLater: mappingOfBo('bo'),
  expectedLater: [{ ...expectedPlain, userIds: ids('anna', 'bo') }],
  settings: { WECHAT_CUSTOM_MAPPING: 'true' },
  aheadMs: 2 * 60_000,
};

/** A cloud without upload sessions: the item with the large file is created a second time, without the file. */
const narrow: Scenario = {
  name: 'narrow',
  connectors: ['whatsapp'],
  users,
  lines: [withFiles, single],
  pageItems: 2,
  expected: [{ ...expectedFiles, attachments: ['small.txt'], missing: ['large.bin'] }, expectedSingle],
  withoutSessions: true,
};

/** An item that ends its worker whenever it is read, among others that must not pay for it. */
const poisoned: Scenario = {
  name: 'poisoned',
  connectors: ['whatsapp'],
  users,
  lines: [plain, chat('1_5', 'anna', ['bo'], { textContent: poisonous }), single],
  pageItems: 2,
  expected: [expectedPlain, expectedSingle],
  failing: 1,
};

/** The WeChat mail with another time of arrival. */
function mailAt(arrivedAt: string, ...rest: Parameters<typeof mail>): SiteLine {
  const { line } = mail(...rest);
  return { arrivedAt, line: { ...line, gatewayReceivedDate: arrivedAt }, connector: 'wechat' };
}

/**
 * Two connectors, each with two windows that are due; what arrives at the end of the first one is listed again, or only
 * then. The first page of one connector is damaged until somebody repairs it.
 */
const days: Scenario = {
  name: 'days',
  connectors: ['whatsapp', 'wechat'],
  users,
  lines: [
    chat('1_1', 'anna', ['bo', 'cy'], { arrivedAt: '2026-11-19T23:00:00Z' }),
    { ...chat('1_4', 'bo', ['anna'], { arrivedAt: '2026-11-19T23:59:59Z' }), isListedLate: true },
    single,
    mailAt('2026-11-19T08:00:05Z', '1_5', 'anna', 'bo', 'Subject: First', '', 'text'),
    mailAt('2026-11-20T23:00:00Z', '1_6', 'cy', 'cy', 'Subject: Second', '', 'text'),
  ],
  pageItems: 2,
  expected: [
    expectedPlain,
    { sourceId: '1_4', userIds: ids('anna', 'bo'), attachments: [] },
    expectedSingle,
    { sourceId: '1_5', userIds: ids('anna', 'bo'), attachments: [] },
    { sourceId: '1_6', userIds: ids('cy'), attachments: [] },
  ],
  windows: 2,
  listedTwice: 2,
  repairs: { missingUsers: [], fullMailboxes: [], isFirstPageDamaged: true },
  settings: { FETCH_LAG_MINUTES: '60', DAY_STARTS: '00:00 UTC' },
};

export const scenarios: Record<string, Scenario> = { day, again, redriven, mails, narrow, poisoned, days };
