import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import { faultOptions, type FaultKind, type FaultOptions } from './page-faults';

/** The simulator's own interface, `/_control/…`, which TeleMessage does not have. */

export interface Stats {
  requests: number;
  /** Pages sent to the end. */
  pages: number;
  /** Lines of these pages. */
  lines: number;
  /** Bytes of all bodies, before compression. */
  bytes: number;
  /** Bodies whose transfer broke off. */
  cutShort: number;
  /** Answers by HTTP status. */
  statuses: Record<string, number>;
  faults: Partial<Record<FaultKind, number>>;
}

const passwordChange = z.strictObject({ username: z.string().optional(), password: z.string() });
const maxBodyBytes = 1_048_576;

async function json(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

export function control(simulator: {
  stats(): Stats;
  faults(): FaultOptions;
  setFaults(next: FaultOptions): void;
  setPassword(credentials: { username?: string | undefined; password: string }): void;
}) {
  return async (path: string, request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = (status: number, body: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    try {
      switch (`${request.method} ${path}`) {
        case 'GET /_control/stats':
          return answer(200, simulator.stats());
        case 'GET /_control/faults':
          return answer(200, simulator.faults());
        case 'POST /_control/faults': {
          const next = (await json(request)) as FaultOptions;
          faultOptions.parse(next);
          simulator.setFaults(next);
          return answer(200, next);
        }
        case 'DELETE /_control/faults':
          simulator.setFaults({});
          return answer(200, {});
        case 'POST /_control/password':
          simulator.setPassword(passwordChange.parse(await json(request)));
          return answer(200, {});
        default:
          return answer(404, { problem: 'there is nothing at this path' });
      }
    } catch (error) {
      const problem = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
      return answer(400, { problem });
    }
  };
}
