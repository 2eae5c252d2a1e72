import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { IndexedFunction } from './indexing';
import { keyAllows, type Keys } from './keys';

/** The host's administration API: `/admin/host/status`, `/admin/functions`, `/admin/functions/{name}`. */

export interface AdminOptions {
  origin(): string;
  hostId: string;
  hostVersion: string;
  keys: Keys | undefined;
  functions: IndexedFunction[];
  errors: string[];
  routePrefix: string;
  /** Starts the function and does not wait for it. */
  start(indexed: IndexedFunction, input: string): void;
}

function describeFunction(indexed: IndexedFunction, options: AdminOptions) {
  const { name, metadata, trigger, disabled } = indexed;
  const href = `${options.origin()}/admin/functions/${name}`;
  return {
    name,
    href,
    language: 'node',
    isDisabled: disabled,
    config: {
      name,
      bindings: Object.entries(metadata.bindings).map(([binding, value]) => ({ ...value, name: binding })),
    },
    invoke_url_template:
      trigger.kind === 'http'
        ? [options.origin(), options.routePrefix, trigger.route].filter(Boolean).join('/')
        : null,
  };
}

export function serveAdmin(options: AdminOptions) {
  const started = Date.now();
  const json = (response: ServerResponse, status: number, body: unknown) =>
    void response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(body));

  return async function serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!keyAllows(options.keys, 'admin', request, url)) return void response.writeHead(401).end();
    const [, , area, name] = decodeURIComponent(url.pathname).split('/');
    if (request.method === 'GET' && area === 'host' && name === 'status') {
      return json(response, 200, {
        id: options.hostId,
        state: 'Running',
        version: options.hostVersion,
        versionDetails: options.hostVersion,
        processUptime: Date.now() - started,
        ...(options.errors.length > 0 && { errors: options.errors }),
      });
    }
    if (area !== 'functions') return void response.writeHead(404).end();
    if (name === undefined) {
      if (request.method !== 'GET') return void response.writeHead(405).end();
      return json(
        response,
        200,
        options.functions.map((indexed) => describeFunction(indexed, options)),
      );
    }
    const indexed = options.functions.find(
      (candidate) => candidate.name.toLowerCase() === name.toLowerCase(),
    );
    if (!indexed) return void response.writeHead(404).end();
    if (request.method === 'GET') return json(response, 200, describeFunction(indexed, options));
    if (request.method !== 'POST') return void response.writeHead(405).end();
    let input: unknown;
    try {
      input = (JSON.parse((await text(request)) || '{}') as { input?: unknown }).input;
    } catch {
      return void response.writeHead(400).end();
    }
    options.start(indexed, typeof input === 'string' ? input : JSON.stringify(input ?? ''));
    response.writeHead(202).end();
  };
}
