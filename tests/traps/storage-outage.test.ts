import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Deps } from '../../shared/deps';
import { importItem } from '../../shared/pipeline/import-item';
import { user } from '../support/graph-tenant';
import { chatLine, useWorld } from '../support/world';

const anna = user('anna');
const bo = user('bo');
const openWorld = useWorld({ users: [anna, bo], lines: { whatsapp: [chatLine('1_1')] } });

describe('a storage account that answers 503', () => {
  let isDown = false;
  const servers: Server[] = [];
  afterEach(async () => {
    isDown = false;
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    }
  });

  /** The same account behind a proxy for each service that can answer 503 instead. */
  const behindDoors = async (connectionString: string) => {
    let result = connectionString;
    for (const [whole, port] of connectionString.matchAll(/Endpoint=http:\/\/127\.0\.0\.1:(\d+)/g)) {
      const server = createServer((incoming, outgoing) => {
        if (isDown) {
          incoming.resume();
          outgoing.writeHead(503, { 'x-ms-error-code': 'ServerBusy' }).end();
          return;
        }
        const { method, url, headers } = incoming;
        const forwarded = httpRequest({ port, path: url, method, headers, host: '127.0.0.1' }, (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
        });
        forwarded.on('error', () => outgoing.destroy());
        incoming.pipe(forwarded);
      });
      servers.push(server);
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      result = result.replace(whole, `Endpoint=http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    }
    return result;
  };

  it.each(['before the first delivery', 'between a delivery and its record'])(
    '%s for longer than one attempt does not keep the next attempt from filing the item once',
    async (when) => {
      const world = await openWorld();
      const { deps } = world;
      const [pointer] = await world.fetchUnqueued(deps);
      const cut = world.instance({
        ArchiveStorage: await behindDoors(deps.config.storage.connectionString!),
      });
      const mailboxes: Deps['mailboxes'] = {
        ...cut.mailboxes,
        async create(...given) {
          const created = await cut.mailboxes.create(...given);
          isDown = true;
          return created;
        },
      };
      isDown = when.startsWith('before');
      await expect(importItem({ ...cut, mailboxes }, pointer!)).rejects.toThrow();
      isDown = false;
      // The lease of the failed attempt runs out.
      world.skip(deps.config.import.leaseMs);
      await importItem(world.instance(), pointer!);
      for (const one of [anna, bo]) expect(await world.messages(one)).toHaveLength(1);
      const [outcome] = await world.outcomes(deps);
      expect(outcome!.deliveries.map(({ end }) => end)).toEqual(['imported', 'imported']);
    },
    60_000,
  );
});
