import { createHash } from 'node:crypto';
import { isValidPhoneNumber } from 'libphonenumber-js/max';
import PostalMime from 'postal-mime';
import { dayOf, itemsPerDay, sampleLines, type Window } from '../../simulators/samples/day';
import { expectations } from '../../simulators/samples/expectations';
import { mappingCountry, mappingCsv } from '../../simulators/samples/mapping';
import { organisation } from '../../simulators/samples/organisation';
import { colleagues, crowd, outsiders } from '../../simulators/samples/people';
import { connectorIds, type ConnectorId } from '../../shared/connectors';
import { parseMapping } from '../../shared/mapping/reader';
import { sourceMessage } from '../../shared/telemessage/message';

const window: Window = { from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' };
const megabyte = 1_048_576;

/** The lines of the day, made once for all tests. Large lines are not kept. */
const serve = (connector: ConnectorId) =>
  [...sampleLines(connector, window)].map((one) => {
    const bytes = one.line();
    return {
      ...one,
      length: bytes.length,
      hash: hash(bytes),
      kept: bytes.length < 200_000 ? bytes : undefined,
    };
  });
const served = { wechat: serve('wechat'), whatsapp: serve('whatsapp') };
const expected = { wechat: expectations('wechat', window), whatsapp: expectations('whatsapp', window) };

function hash(bytes: Buffer) {
  return createHash('sha256').update(bytes).digest('hex');
}

function text(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** The lines of a kind of sample. */
function tagged(connector: ConnectorId, tag: string): Record<string, unknown>[] {
  const { list } = expected[connector];
  const found = served[connector].filter((_, index) => list[index]!.tags.includes(tag));
  return found.map((one) => JSON.parse(text(one.kept ?? one.line())) as Record<string, unknown>);
}

const mailOf = (line: Record<string, unknown>) =>
  PostalMime.parse(Buffer.from(line['mime'] as string, 'base64'));
/** The size of the file in a mail. A parser is slow on ten megabytes, so it decodes the base64 itself. */
const sizeOf = (tag: string) => {
  const mail = Buffer.from(tagged('wechat', tag)[0]!['mime'] as string, 'base64').toString('latin1');
  const file = mail.slice(mail.indexOf('Content-Disposition: attachment'));
  const [, body = ''] = file.split('\r\n\r\n');
  return Buffer.from(body.slice(0, body.indexOf('--')), 'base64').length;
};
const fileSizes = (tag: string) =>
  (tagged('whatsapp', tag)[0]!['attachment'] as { content: string }[]).map(
    ({ content }) => Buffer.from(content, 'base64').length,
  );

describe.each(connectorIds)('a sample day of %s', (connector) => {
  it('has six hundred lines in order of arrival, from the first to the last millisecond of the day', () => {
    const arrivals = served[connector].map(({ gatewayReceivedDate }) => gatewayReceivedDate);
    expect(arrivals).toHaveLength(itemsPerDay);
    expect(arrivals[0]).toBe('2026-11-20T00:00:00.000Z');
    expect(arrivals.at(-1)).toBe('2026-11-20T23:59:59.999Z');
    expect(arrivals).toEqual([...arrivals].sort());
    expect(new Set(arrivals.slice(1, -1)).size).toBeGreaterThan(itemsPerDay - 10);
  });

  it('has the same bytes whenever it is asked for, and in whatever windows', () => {
    const parts = ['2026-11-20T07:30:00Z', '2026-11-20T13:00:00.001Z'];
    const bounds = [window.from, ...parts, window.to];
    // Enough other days remove this one from the cache.
    for (let day = 1; day < 10; day++) dayOf(connector, Date.parse(window.from) + day * 86_400_000);
    const hashes = bounds
      .slice(1)
      .flatMap((to, index) => [...sampleLines(connector, { from: bounds[index]!, to })])
      .filter(({ bytes }) => bytes < 200_000)
      .map((one) => hash(one.line()));
    expect(hashes).toEqual(served[connector].filter(({ kept }) => kept).map((one) => one.hash));
  });

  it('exists for any date, and differs from every other day', () => {
    const ids = (from: string, to: string) =>
      expectations(connector, { from, to }).list.map(({ sourceId }) => sourceId);
    const past = ids('1999-02-28T00:00:00Z', '1999-03-01T00:00:00Z');
    expect(past).toHaveLength(itemsPerDay);
    const today = new Set(ids(window.from, window.to));
    expect(past.filter((id) => id !== '' && today.has(id))).toEqual([]);
    expect(ids('2026-11-19T12:00:00Z', '2026-11-22T12:00:00Z').length).toBeGreaterThan(3 * itemsPerDay - 400);
  });

  it('has readable lines, except for the ones that are expected to be unreadable', () => {
    const { list } = expected[connector];
    served[connector].forEach(({ kept }, index) => {
      const { reason, tags, sourceId } = list[index]!;
      if (!kept || tags.includes('deepNesting')) return;
      let message: { messageId: string } | undefined;
      try {
        message = sourceMessage.parse(JSON.parse(text(kept)));
      } catch {
        message = undefined;
      }
      // Both connectors share a schema, which accepts a line of WeChat without a mail.
      const lacksMail =
        connector === 'wechat' && (message as { mime?: string } | undefined)?.mime === undefined;
      expect([tags, message === undefined || lacksMail]).toEqual([tags, reason === 'unreadable']);
      if (message) expect(message.messageId).toBe(sourceId);
      expect(kept.indexOf(0x0a)).toBe(kept.length - 1);
    });
  });

  it('repeats items on the same day and on the next, with the same content', () => {
    const days = { from: window.from, to: '2026-11-22T00:00:00Z' };
    const { list, special, items } = expectations(connector, days);
    expect(items.available).toBe(2 * itemsPerDay);
    // Four on each day, and three from the day before; on the first day, the originals of these three are missing.
    expect(special['repeated']).toHaveLength(11);
    const lines = [...sampleLines(connector, days)];
    for (const id of special['repeated']!) {
      const [first, second] = list.flatMap((one, index) => (one.sourceId === id ? [lines[index]!] : []));
      const content = (line: typeof first) => text(line!.line()).replace(/"gatewayReceivedDate":"[^"]+"/, '');
      if (!id.startsWith('EDIT-')) expect(content(second)).toBe(content(first));
      expect(second!.gatewayReceivedDate > first!.gatewayReceivedDate).toBe(true);
    }
  });

  it('has expectations that add up, and about two mailboxes per delivered item', () => {
    for (const mode of [{}, { custom: true, country: mappingCountry }, { custom: true, automatic: false }]) {
      const { items, deliveries, reasons, mailboxes } = expectations(connector, window, mode);
      expect(items.delivered + items.failed + items.events).toBe(items.available);
      expect(deliveries.imported + deliveries.partial + deliveries.skipped + deliveries.refused).toBe(
        deliveries.expected,
      );
      const sum = (counts: Record<string, number>) =>
        Object.values(counts).reduce((all, one) => all + one, 0);
      expect(sum(reasons)).toBe(items.failed);
      expect(sum(mailboxes)).toBe(deliveries.imported + deliveries.partial);
    }
    const { deliveries, items } = expected[connector];
    expect(deliveries.expected / items.delivered).toBeGreaterThan(1.6);
    expect(deliveries.expected / items.delivered).toBeLessThan(2.6);
  });

  it('maps more parties with the file, and even more with the country of its national numbers', () => {
    const unmapped = (mode: object) => expectations(connector, window, mode).reasons['unmapped'] ?? 0;
    const country = mappingCountry;
    expect(unmapped({ custom: true, country })).toBeLessThan(unmapped({}));
    expect(unmapped({ custom: true, automatic: false, country })).toBeLessThan(
      unmapped({ custom: true, automatic: false }),
    );
  });

  it('has a mapping file that the app can read', () => {
    const country = mappingCountry;
    const outcome = parseMapping(Buffer.from(mappingCsv(connector)), { country, maxRows: 1000 });
    const found = (at: string) => (outcome.ok ? outcome.mapping.find('+8613900001001', at) : outcome.errors);
    expect(found('2026-11-20T08:00:00Z')).toBe('fang.wang@nordlink-asia.example');
    expect(found('2019-11-20T08:00:00Z')).toBe('yang.liu@nordlink-asia.example');
  });

  it('has a group chat of three and one of three hundred parties', () => {
    for (const size of [3, 300]) {
      const [line] = tagged(connector, `group${size}`);
      expect(line!['usersEmailAddress']).toHaveLength(size);
    }
  });

  it('has ids that are equal when they are read as numbers', () => {
    const ids = tagged(connector, 'hugeId').map((line) => line['messageId'] as string);
    expect(new Set(ids).size).toBe(2);
    expect(Number.isSafeInteger(Number(ids[0]))).toBe(false);
  });
});

describe('the sample days', () => {
  it('stay below 150 MB a day', () => {
    const bytes = connectorIds
      .flatMap((connector) => served[connector])
      .reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(80 * megabyte);
    expect(bytes).toBeLessThan(150 * megabyte);
  });

  it("contain attachments at the sizes where the app's behaviour changes", () => {
    const large = [Math.round(2.7 * megabyte), 5 * megabyte, 10 * megabyte];
    expect(['mb2_7', 'mb5', 'mb10'].map(sizeOf)).toEqual(large);
    expect(['mb2_7', 'mb5', 'mb10'].flatMap(fileSizes)).toEqual(large);
    expect(sizeOf('mb10AndOne')).toBe(10 * megabyte + 1);
    expect(fileSizes('mb10AndOne')[0]).toBe(10 * megabyte + 1);
    expect(sizeOf('zeroBytes')).toBe(0);
    expect(fileSizes('zeroBytes')).toEqual([0]);
    const small = fileSizes('mb12OfSmall');
    expect(small.reduce((sum, size) => sum + size)).toBe(12 * megabyte);
    expect(Math.max(...small)).toBeLessThan(10 * megabyte);
  });

  it('contain mails that a parser reads in their character sets', async () => {
    const mails = await Promise.all(tagged('wechat', 'charset').map(mailOf));
    const scripts = [/\p{sc=Han}/u, /\p{sc=Han}/u, /\p{sc=Hangul}/u, /\p{sc=Hiragana}/u, /[åäö]/];
    const found = scripts.map((script) => mails.some(({ text: body }) => script.test(body ?? '')));
    expect(found).toEqual([true, true, true, true, true]);
    expect(mails.some(({ text: body }) => body?.includes('\ufffd'))).toBe(false);
    const raw = tagged('wechat', 'charset').map((line) =>
      Buffer.from(line['mime'] as string, 'base64').toString('latin1'),
    );
    for (const charset of ['GB18030', 'Big5', 'EUC-KR', 'ISO-2022-JP', 'ISO-8859-1']) {
      expect(raw.filter((mail) => mail.includes(`charset=${charset}`))).toHaveLength(1);
    }
  });

  it('contain file names in every script, unchanged', async () => {
    const names = (await Promise.all(tagged('wechat', 'fileName').map(mailOf))).flatMap(({ attachments }) =>
      attachments.map(({ filename }) => filename),
    );
    const sent = tagged('whatsapp', 'fileName').flatMap((line) =>
      (line['attachment'] as { name: string }[]).map(({ name }) => name),
    );
    expect(names.sort()).toEqual(sent.sort());
    for (const script of [/\p{sc=Han}/u, /\p{sc=Hangul}/u, /\p{sc=Cyrillic}/u, /\p{sc=Arabic}/u, /ö/]) {
      expect(names.some((name) => script.test(name ?? ''))).toBe(true);
    }
  });

  it('link every recall, deletion and edit by id to a message of the same day', () => {
    const linked = [
      ...tagged('wechat', 'recall').map((line) => ['wechat', line] as const),
      ...['deletion', 'edit'].flatMap((tag) =>
        tagged('whatsapp', tag).map((line) => ['whatsapp', line] as const),
      ),
    ];
    expect(new Set(linked.map(([, line]) => line['messageId'])).size).toBe(1 + 6 + 1);
    for (const [connector, line] of linked) {
      const original = (line['messageId'] as string).replace(
        /^(RECALL|DELETE_FOR_ME|DELETE_FOR_ALL|EDIT)-/,
        '',
      );
      expect(original).not.toBe(line['messageId']);
      expect(expected[connector].list.some(({ sourceId }) => sourceId === original)).toBe(true);
    }
    const edits = tagged('whatsapp', 'edit');
    expect(new Set(edits.map((line) => line['messageId'])).size).toBe(1);
    expect(new Set(edits.map((line) => line['textContent'])).size).toBe(2);
  });

  it('contain a call of each kind and status', () => {
    const calls = tagged('whatsapp', 'call').map(
      (line) =>
        `${line['messageContext'] as string} ${(line['callInfo'] as { callStatus: string }).callStatus}`,
    );
    expect(new Set(calls).size).toBe(12);
    expect(tagged('wechat', 'call')).toHaveLength(8);
  });

  it('contain the 54 bytes that stop a parser', () => {
    const [line] = tagged('wechat', 'neverEnding');
    expect(Buffer.from(line!['mime'] as string, 'base64')).toHaveLength(54);
  });

  it('contain a mail nested more deeply than a parser reads', async () => {
    await expect(mailOf(tagged('wechat', 'deepNesting')[0]!)).rejects.toThrow();
  });
});

describe('the sample organisation', () => {
  it('has some sixty people, each with their own id and principal name', () => {
    expect(organisation.length).toBeGreaterThan(55);
    for (const key of ['id', 'userPrincipalName'] as const) {
      expect(new Set(organisation.map((user) => user[key].toLowerCase())).size).toBe(organisation.length);
    }
    const addresses = organisation.flatMap(({ id, mail, userPrincipalName, proxyAddresses }) =>
      [
        ...new Set([
          mail ?? userPrincipalName,
          userPrincipalName,
          ...proxyAddresses.map((one) => one.slice(5)),
        ]),
      ].map((address) => `${address.toLowerCase()} ${id}`),
    );
    expect(new Set(addresses.map((one) => one.split(' ')[0])).size).toBe(new Set(addresses).size);
  });

  it('has people of every kind that the mapping must distinguish', () => {
    expect(new Set(organisation.map(({ mailbox }) => mailbox))).toEqual(
      new Set(['normal', 'none', 'notSupported', 'onPremises']),
    );
    const kinds = [
      organisation.some(({ accountEnabled }) => !accountEnabled),
      organisation.some(({ userType }) => userType === 'Guest'),
      organisation.some(({ inScope }) => inScope === false),
      organisation.some(({ quotaBytes }) => quotaBytes !== undefined),
      organisation.some(({ mail, userPrincipalName }) => mail !== null && mail !== userPrincipalName),
      organisation.some(({ mail }) => mail === null),
      organisation.some(({ proxyAddresses }) => proxyAddresses.length === 0),
    ];
    expect(kinds).toEqual(kinds.map(() => true));
  });

  it('has valid mobile numbers only', () => {
    const numbers = [...colleagues, ...outsiders, ...crowd(300)].map(({ number }) => number);
    expect(numbers.filter((number) => !isValidPhoneNumber(`+${number}`))).toEqual([]);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
