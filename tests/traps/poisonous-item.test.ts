import { hostileLines, slowUser } from '../../simulators/samples/hostile-lines';
import { reconcile } from '../../shared/pipeline/reconcile';
import { batchRow } from '../../shared/storage/outcomes';
import { user } from '../support/graph-tenant';
import { chatLine, from, to, useWorld } from '../support/world';

/** Items that are made to hold up all others cost only themselves. */

const anna = user('anna');
const bo = user('bo');
const open = useWorld({ users: [anna, bo, slowUser] });
const day = { from, to };
const trimmed = (line: Buffer) => line.subarray(0, -1);

it.each(['whatsapp', 'wechat'] as const)(
  'a poisonous and an enormous item of %s hold up nobody',
  async (connector) => {
    const hostile = hostileLines(connector, day)
      .slice(0, 2)
      .map(({ line }) => trimmed(line()));
    const mime = Buffer.from('From: anna@contoso.example\r\nTo: bo@contoso.example\r\n\r\ntext').toString(
      'base64',
    );
    const normal = Array.from({ length: 12 }, (_, at) => chatLine(`1_${at}`, { mime }));
    const world = await open({
      lines: { [connector]: [...normal.slice(0, 6), ...hostile, ...normal.slice(6)] },
      settings: { CONNECTORS: connector },
    });
    const { deps } = world;
    await world.archive(deps, connector);
    expect(await world.messages(anna)).toHaveLength(12);
    expect(await world.quarantined(deps, connector)).toMatchObject([
      { reason: 'unreadable', detail: expect.stringMatching(/parties, more than 10000$/) as string },
    ]);
    await reconcile(deps);
    expect((await deps.batchStates.get(connector, batchRow(1)))?.value.closedAt).toBeDefined();
  },
);

it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
  'an item whose fields are named %s is imported',
  async (name) => {
    const mime = Buffer.from(
      [
        'From: anna@contoso.example',
        `Date: Fri, 20 Nov 2026 08:00:00 ${name}`,
        `Content-Type: ${name}/${name}; ${name}=${name}; charset=${name}`,
        `Content-Transfer-Encoding: ${name}`,
        `${name}: ${name}`,
        '',
        'text',
      ].join('\r\n'),
    ).toString('base64');
    const fields = {
      messageContext: name,
      direction: name,
      groupMessage: name,
      callInfo: { callStatus: name },
      attachment: [{ name: '', contentType: name, content: 'eA==' }],
    };
    const world = await open({
      lines: { wechat: [chatLine('1_1', { mime })], whatsapp: [chatLine('1_2', fields)] },
    });
    await world.archive(world.deps, 'wechat');
    await world.archive(world.deps, 'whatsapp');
    expect(await world.messages(anna)).toHaveLength(2);
    for (const connector of ['wechat', 'whatsapp'] as const)
      expect(await world.quarantined(world.deps, connector)).toEqual([]);
  },
);
