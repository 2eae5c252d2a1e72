import { token } from '../support/exchange-tenant';
import { user } from '../support/graph-tenant';
import { useWorld, type World } from '../support/world';

/** One chat is one conversation, whatever numbers and addresses its messages happen to use. */

const anna = user('anna', { proxyAddresses: ['SMTP:anna@contoso.example', 'smtp:anna.ek@contoso.example'] });
const open = useWorld({ users: [anna] });

const annaWritten = [
  { from: '46701740605', users: [{ mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' }] },
  {
    from: '+46 70-174 06 05',
    users: [{ mobileNumber: '0046701740605', emailAddress: 'ANNA.EK@contoso.example' }],
  },
  { from: 'anna.ek@contoso.example', users: [{ emailAddress: 'anna.ek@contoso.example' }] },
  // The source does not know the sender's number, but names nobody else.
  { from: 'UNKNOWN', users: [{ emailAddress: 'anna@contoso.example' }] },
];
const named = (users: object[]) => users.map((one) => ({ ...one, firstName: 'Anna', lastName: 'Ek' }));
const bob = [{ mobileNumber: '12015550177', firstName: 'Bob' }];
const line = (index: number, fields: object) =>
  Buffer.from(
    JSON.stringify({
      messageId: `1_${index}`,
      gatewayReceivedDate: '2026-11-20T08:00:05Z',
      sourceType: 'WHATSAPP_ARCHIVER',
      messageTime: '2026-11-20T08:00:00Z',
      textContent: `text ${index}`,
      ...fields,
    }),
  );

/** Topic and index of every message. */
async function threads({ exchange }: World): Promise<[topic: string, index: string][]> {
  const ids = ['String 0x0070', 'Binary 0x0071'];
  const filter = ids.map((id) => `id eq '${id}'`).join(' or ');
  const query = new URLSearchParams({
    $expand: `singleValueExtendedProperties($filter=${filter})`,
    $top: '50',
  });
  const response = await fetch(`${exchange.origin}/v1.0/users/${anna.id}/messages?${query.toString()}`, {
    headers: { authorization: `Bearer ${token()}` },
  });
  const { value } = (await response.json()) as {
    value: { singleValueExtendedProperties: { id: string; value: string }[] }[];
  };
  return value.map(({ singleValueExtendedProperties: properties }) => {
    const of = (kind: string) => properties.find(({ id }) => id.startsWith(kind))?.value ?? '';
    return [of('String'), of('Binary')];
  });
}

it('has one key and one topic for both directions and every spelling of its people', async () => {
  const lines = annaWritten.flatMap(({ from, users }, index) => [
    line(index * 2, { from, to: ['12015550177'], usersEmailAddress: [...named(users), ...bob] }),
    line(index * 2 + 1, { from: '+12015550177', to: [from], usersEmailAddress: [...bob, ...named(users)] }),
  ]);
  const world = await open({ lines: { whatsapp: lines }, settings: { CONNECTORS: 'whatsapp' } });
  await world.archive(world.deps);
  const found = await threads(world);
  expect(found).toHaveLength(8);
  expect(new Set(found.map((thread) => JSON.stringify(thread))).size).toBe(1);
});

it('does not join messages of unknown people who may be two', async () => {
  const users = [{ mobileNumber: '46701740605', emailAddress: 'anna@contoso.example' }];
  const lines = [0, 1].map((index) =>
    line(index, { from: 'UNKNOWN', to: ['46701740605'], usersEmailAddress: users }),
  );
  const world = await open({ lines: { whatsapp: lines }, settings: { CONNECTORS: 'whatsapp' } });
  await world.archive(world.deps);
  const found = await threads(world);
  expect(new Set(found.map((thread) => JSON.stringify(thread))).size).toBe(2);
});

it('stays one when its group is renamed', async () => {
  const mail = (index: number, name: string) =>
    line(index, {
      sourceType: 'WECHAT',
      usersEmailAddress: [{ emailAddress: 'anna@contoso.example' }],
      mime: Buffer.from(
        `From: wxid_abc123\r\nTo: anna@contoso.example\r\nDate: Fri, 20 Nov 2026 08:00:00 +0000\r\n` +
          `Subject: WeChat message from a to chat group ${name}\r\n` +
          `X-TELEMESSAGE-GroupID: 77\r\nX-TELEMESSAGE-GROUP_NAME: ${name}\r\n\r\ntext ${index}`,
      ).toString('base64'),
    });
  const world = await open({
    lines: { wechat: [mail(0, 'Harbour'), mail(1, 'Port')] },
    settings: { CONNECTORS: 'wechat' },
  });
  await world.archive(world.deps, 'wechat');
  const found = await threads(world);
  expect(found.map(([topic]) => topic).sort()).toEqual(['Harbour', 'Port']);
  expect(new Set(found.map(([, index]) => index)).size).toBe(1);
});
