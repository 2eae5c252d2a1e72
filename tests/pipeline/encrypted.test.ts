import { generateKeyPairSync } from 'node:crypto';
import { reconcile } from '../../shared/pipeline/reconcile';
import { vaultKey, vaultKeyName } from '../../simulators/identity/vault-key';
import type { PrivateJwk } from '../../simulators/identity/vault';
import { encrypted } from '../../simulators/samples/encrypted';
import type { SampleItem } from '../../simulators/samples/item';
import { filePart, message, multipart, textPart } from '../../simulators/samples/mail';
import { user } from '../support/graph-tenant';
import { useWorld, type World } from '../support/world';

/** Items that TeleMessage encrypted: opened with the organisation's key, or in quarantine, and never gibberish. */

const anna = user('anna');
const open = useWorld({ users: [anna] });
const arrival = '2026-11-20T08:00:05Z';
const secret = 'Offerten går ut på fredag. 报价周五发出。';
const file = Buffer.from('%PDF-1.7 the file');
const withKey = { DECRYPTION_KEY: vaultKeyName };

const item = (id: string, fields: object): SampleItem => ({
  id,
  mentions: [],
  fate: 'delivered',
  tags: [],
  bytes: 0,
  line: (gatewayReceivedDate) =>
    Buffer.from(
      JSON.stringify({
        messageId: id,
        gatewayReceivedDate,
        usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }],
        ...fields,
      }),
    ),
});
const chat = item('1_1', {
  sourceType: 'WHATSAPP_ARCHIVER',
  messageTime: '2026-11-20T08:00:00Z',
  from: '46701740699',
  to: ['46701740605'],
  textContent: secret,
  attachment: [{ name: 'offer.pdf', contentType: 'application/pdf', content: file.toString('base64') }],
});
const mail = item('1_2', {
  sourceType: 'WECHAT',
  mime: message(
    [
      ['From', 'wxid_abc123'],
      ['To', 'anna@contoso.example'],
      ['Date', 'Fri, 20 Nov 2026 08:00:00 +0000'],
      ['Subject', 'Offer'],
    ],
    multipart('mixed', 'b', [
      textPart(secret, { encoding: 'quoted-printable' }),
      filePart({ name: 'offer.pdf', contentType: 'application/pdf', content: file }),
    ]),
  ).toString('base64'),
});
const cases = [
  ['whatsapp', chat],
  ['wechat', mail],
] as const;

async function archived(connector: 'wechat' | 'whatsapp', line: Buffer, settings: Record<string, string>) {
  const world = await open({
    lines: { [connector]: [line] },
    settings: { CONNECTORS: connector, ...settings },
  });
  await world.archive(world.deps, connector);
  await reconcile(world.deps);
  return world;
}

async function filedIn(world: World) {
  const [found] = await world.messages(anna);
  return found as { body: { content: string } } | undefined;
}

describe.each(cases)('an encrypted item of %s', (connector, plain) => {
  const line = encrypted(plain, false).line(arrival);

  test('shows nothing of its content on the way', () => {
    const served = line.toString() + Buffer.from(JSON.parse(line.toString()).mime ?? '', 'base64').toString();
    expect(served).not.toContain('fredag');
    expect(served).not.toContain(file.toString('base64'));
  });

  test('is imported as what it is, and says so', async () => {
    const world = await archived(connector, line, withKey);
    const content = (await filedIn(world))!.body.content;
    expect(content.startsWith(secret)).toBe(true);
    expect(content).toMatch(
      /\nEncrypted by the source, opened with the key telemessage-items\/[0-9a-f]{32}\r?\n/,
    );
    expect(await world.quarantined(world.deps, connector)).toEqual([]);
  });

  test('has the item key that it would have unencrypted', async () => {
    const keys = [];
    for (const one of [line, plain.line(arrival)]) {
      const world = await archived(connector, one, withKey);
      keys.push(/item key ([0-9a-f]{64})/.exec((await filedIn(world))!.body.content)?.[1]);
    }
    expect(keys[0]).toBe(keys[1]);
  });

  test('waits in quarantine without a key, and is redriven once there is one', async () => {
    const world = await archived(connector, line, {});
    expect(await filedIn(world)).toBeUndefined();
    expect(await world.quarantined(world.deps, connector)).toMatchObject([
      { sourceId: plain.id, reason: 'encrypted' },
    ]);
    const deps = world.instance(withKey);
    await world.redrive(deps, { connector, batch: 1, position: 0 });
    await world.drain(deps);
    await reconcile(deps);
    expect((await filedIn(world))!.body.content).toContain(secret);
    expect(await world.quarantined(deps, connector)).toEqual([]);
  });

  test.each([
    ['has a key of somebody else', encrypted(plain, true).line(arrival), withKey],
    ['has a key that the vault does not have', line, { DECRYPTION_KEY: 'no-such-key' }],
    ['is damaged', damaged(line), withKey],
  ])('goes to quarantine if it %s', async (_, one, settings) => {
    const world = await archived(connector, one, settings);
    expect(await filedIn(world)).toBeUndefined();
    expect(await world.quarantined(world.deps, connector)).toMatchObject([{ reason: 'encrypted' }]);
  });
});

/** The line with another byte in the text's ciphertext. */
function damaged(line: Buffer): Buffer {
  const json = JSON.parse(line.toString()) as { mime?: string; textContent?: string };
  const other = (base64: string) => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[3]! ^= 1;
    return bytes.toString('base64');
  };
  if (json.textContent !== undefined) json.textContent = other(json.textContent);
  else {
    const text = Buffer.from(json.mime!, 'base64').toString('latin1');
    const at = text.lastIndexOf('\r\n\r\n') + 4;
    json.mime = Buffer.from(`${text.slice(0, at)}AAAA${text.slice(at + 4)}`, 'latin1').toString('base64');
  }
  return Buffer.from(JSON.stringify(json));
}

test('is opened with an older version of the key too', async () => {
  const newer = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  const world = await open({
    lines: { whatsapp: [encrypted(chat, false).line(arrival)] },
    settings: { CONNECTORS: 'whatsapp', ...withKey },
    keys: { [vaultKeyName]: [vaultKey, newer as PrivateJwk] },
  });
  await world.archive(world.deps);
  expect((await filedIn(world))!.body.content).toContain(secret);
});

test('waits while the vault gives no answer', async () => {
  const world = await open({
    lines: { whatsapp: [encrypted(chat, false).line(arrival)] },
    settings: { CONNECTORS: 'whatsapp', ...withKey, KEY_VAULT_URL: 'http://127.0.0.1:9' },
  });
  const { dataKeys } = world.deps;
  await expect(dataKeys!.open({ wrapped: new Uint8Array(256), keyId: '' })).rejects.toMatchObject({
    name: 'PutOffError',
  });
}, 60_000);
