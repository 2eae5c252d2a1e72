import { createServer, request as send, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Stands between the app and a service, and changes what passes as a test wants it. */

export interface Passing {
  method: string;
  /** Path and query, decoded. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Reply {
  status: number;
  headers?: IncomingHttpHeaders;
  body?: Buffer | string;
}

export interface Interception {
  /** Answers in the service's place, at once or later; a request passes on when the answer is undefined. */
  answer?(request: Passing): Reply | undefined | Promise<Reply | undefined>;
  /** Changes the service's answer. */
  change?(request: Passing, reply: Required<Reply>): Reply | undefined;
}

export async function startProxy(target: string, interception: Interception = {}) {
  const to = new URL(target);

  const forward = ({ method, headers, body }: Passing, path: string) =>
    new Promise<Required<Reply>>((resolve, reject) => {
      const outgoing = send(
        { host: to.hostname, port: to.port, method, path, headers, agent: false },
        (incoming) => {
          buffer(incoming).then(
            (bytes) =>
              resolve({ status: incoming.statusCode ?? 502, headers: incoming.headers, body: bytes }),
            reject,
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const path = incoming.url ?? '/';
      const request = {
        method: incoming.method ?? '',
        url: decodeURIComponent(path.replaceAll('+', ' ')),
        headers: incoming.headers,
        body: await buffer(incoming),
      };
      const current = interception;
      const answered = await current.answer?.(request);
      const passed = answered ?? (await forward(request, path));
      const reply = answered ? passed : (current.change?.(request, passed as Required<Reply>) ?? passed);
      const headers = { ...reply.headers };
      delete headers['transfer-encoding'];
      // A HEAD's length is that of the body it does not carry.
      if (request.method !== 'HEAD') headers['content-length'] = String(Buffer.byteLength(reply.body ?? ''));
      outgoing.writeHead(reply.status, headers).end(reply.body);
    })().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    intercept(next: Interception) {
      interception = next;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A request to file an item. */
export const isCreate = ({ method, url }: Passing): boolean =>
  method === 'POST' && /\/mailFolders\/[^/]+\/messages$/.test(url);

/** An interception that rewrites JSON answers. */
export const changeJson = (
  matches: (request: Passing) => boolean,
  rewrite: (json: Record<string, unknown>) => void,
): Interception => ({
  change(request, { status, headers, body }) {
    if (!matches(request) || status !== 200) return undefined;
    const json = JSON.parse(body.toString()) as Record<string, unknown>;
    rewrite(json);
    return { status, headers, body: JSON.stringify(json) };
  },
});
