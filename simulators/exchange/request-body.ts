import type { IncomingMessage } from 'node:http';
import type * as z from 'zod';
import { badRequest, GraphError, unreadableBody } from './errors';

/** A client whose connection is cut never sees the 413, so the service reads up to this much before it answers. */
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

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const mayHoldInvalidCharacter = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

/**
 * Reads a JSON body against the type that the service has for it. Although the model calls message an open type,
 * the service refuses properties it does not know. It also refuses NUL and half a surrogate pair in any string.
 */
export function readJson<T>(
  body: Buffer,
  contentType: string | string[] | undefined,
  schema: z.ZodType<T>,
): T {
  if (body.length === 0) throw badRequest('Empty Payload. JSON content expected.');
  if (!/^application\/json\s*(;|$)/i.test(String(contentType ?? ''))) {
    throw new GraphError(415, 'UnsupportedMediaType', 'The request needs the content type application/json.');
  }
  const parsed = schema.safeParse(parse(body));
  if (parsed.success) return parsed.data;
  throw unreadableBody(explain(parsed.error.issues[0]!));
}

function parse(body: Buffer): unknown {
  let value: unknown;
  try {
    const text = decoder.decode(body);
    value = JSON.parse(text);
    if (!mayHoldInvalidCharacter.test(text)) return value;
  } catch {
    throw badRequest(
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
    );
  }
  refuseInvalidCharacters(value);
  return value;
}

function refuseInvalidCharacters(value: unknown): void {
  if (typeof value === 'string') {
    if (/[\0\p{Surrogate}]/u.test(value)) throw unreadableBody('A string holds an invalid character.');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      refuseInvalidCharacters(name);
      refuseInvalidCharacters(inner);
    }
  }
}

/** Names the place and the rule, never the value: a value may be the content of somebody's mail. */
function explain(issue: z.core.$ZodIssue): string {
  const where = issue.path.join('/') || 'the request body';
  if (issue.code === 'unrecognized_keys') {
    return `The property '${issue.keys[0]}' does not exist on the type of '${where}'. Make sure to only use property names that are defined by the type.`;
  }
  return `When trying to read '${where}' a value of another type or form was found (${issue.code}).`;
}
