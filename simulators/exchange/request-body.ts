import type { IncomingMessage } from 'node:http';
import { GraphError } from './errors';

/** The service reads on for a while before it answers 413: a client that is cut off never sees the answer. */
const drainBytes = 64 * 1024 * 1024;

export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (request.headers['content-encoding'] !== undefined) {
    throw new GraphError(
      415,
      'UnsupportedMediaType',
      'The content encoding of the request is not supported.',
    );
  }
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= maxBytes) parts.push(part);
    else parts.length = 0;
    if (length > drainBytes) break;
  }
  if (length > maxBytes) {
    throw new GraphError(413, 'RequestEntityTooLarge', 'The request entity is too large.');
  }
  return Buffer.concat(parts);
}
