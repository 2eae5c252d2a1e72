import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './call';
import { GraphError } from './errors';

/** The request's number on both sides; every answer carries them. */
export interface RequestIds {
  'request-id': string;
  'client-request-id': string;
}

export const prefersImmutableIds = (request: IncomingMessage) =>
  /(^|[,;\s])IdType="ImmutableId"/i.test(String(request.headers.prefer ?? ''));

/** The answer for anything thrown. What is no refusal is a fault of the simulator itself, and is shown. */
export function refusal(error: unknown, ids: RequestIds, now: number): Answer {
  if (!(error instanceof GraphError)) {
    const aborted = (error as NodeJS.ErrnoException).code === 'ECONNRESET';
    if (!aborted) process.stderr.write(`exchange simulator: ${(error as Error).stack}\n`);
    return refusal(
      new GraphError(500, 'ErrorInternalServerError', 'An internal server error occurred.'),
      ids,
      now,
    );
  }
  const { status, code, message, headers } = error;
  const innerError = { date: new Date(now).toISOString().slice(0, 19), ...ids };
  return { status, headers, json: { error: { code, message, innerError } } };
}

export function send(response: ServerResponse, answer: Answer, ids: RequestIds, immutableIds: boolean): void {
  const body = answer.json === undefined ? answer.bytes : Buffer.from(JSON.stringify(answer.json));
  response.writeHead(answer.status, {
    ...ids,
    ...(answer.json !== undefined && {
      'content-type':
        'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
      'odata-version': '4.0',
    }),
    ...(immutableIds && answer.status < 300 && { 'preference-applied': 'IdType="ImmutableId"' }),
    ...(answer.status !== 204 && { 'content-length': body?.length ?? 0 }),
    ...answer.headers,
  });
  response.end(body);
}
