import type { z } from 'zod';
import { badRequest, GraphError } from './errors';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
const suspicious = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

export const unreadableBody = (message: string) => new GraphError(400, 'RequestBodyRead', message);

/**
 * Reads a JSON body against the type that the service has for it. The model calls message an open type, yet
 * the service refuses properties it does not know, and NUL or half a surrogate pair in any string.
 */
export function readJson<T>(body: Buffer, contentType: string | undefined, schema: z.ZodType<T>): T {
  if (body.length === 0) throw badRequest('Empty Payload. JSON content expected.');
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
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
    if (!suspicious.test(text)) return value;
  } catch {
    throw badRequest(
      'Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.',
    );
  }
  refuseHalfCharacters(value);
  return value;
}

function refuseHalfCharacters(value: unknown): void {
  if (typeof value === 'string') {
    if (/[\0\p{Surrogate}]/u.test(value)) throw unreadableBody('A string holds an invalid character.');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      refuseHalfCharacters(name);
      refuseHalfCharacters(inner);
    }
  }
}

/** Names the place and the rule, never the value: values are content of somebody's mail. */
function explain(issue: z.core.$ZodIssue): string {
  const where = issue.path.join('/') || 'the request body';
  if (issue.code === 'unrecognized_keys') {
    return `The property '${issue.keys[0]}' does not exist on the type of '${where}'. Make sure to only use property names that are defined by the type.`;
  }
  return `When trying to read '${where}' a value of another type or form was found (${issue.code}).`;
}
