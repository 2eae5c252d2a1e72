import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openAccount, type Account } from '../../shared/storage/account.client';

const noCredential = { getToken: () => Promise.resolve(null) };

/** Runs `act` on an account whose service answers as the test says. */
export async function withAnswers<T>(
  answer: RequestListener,
  act: (account: Account) => Promise<T>,
): Promise<T> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoints = ['Blob', 'Queue', 'Table'].map((one) => `${one}Endpoint=http://127.0.0.1:${port}/a;`);
  const connectionString = `AccountName=a;AccountKey=YQ==;DefaultEndpointsProtocol=http;${endpoints.join('')}`;
  try {
    return await act(
      openAccount(
        { connectionString, blobUrl: undefined, queueUrl: undefined, tableUrl: undefined },
        noCredential,
      ),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** A service without permission for anything. */
export const refuse: RequestListener = (_request, response) => void response.writeHead(403).end();
