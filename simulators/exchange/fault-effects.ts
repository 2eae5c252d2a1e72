import type { Answer, Tenant } from './call';
import { accessDenied, GraphError, notFound, quotaExceeded, unauthorized } from './errors';
import type { Fault } from './fault-plan';
import { throttled, type Throttling } from './throttling';

/** A request that met a fault. */
export interface Struck {
  fault: Fault;
  /** What the request asked for. */
  perform: () => Promise<Answer>;
  /** Id of the user whose mailbox it concerns. */
  mailbox: string | undefined;
  /** Id of its upload session. */
  session: string | undefined;
}

export interface FaultEffects {
  /** What the client gets instead: an answer thrown as such, or a connection that breaks off. */
  suffer(struck: Struck): Promise<'reset'>;
  /** Drops the work that is still to be done late. */
  close(): void;
}

const gatewayTimeout = () =>
  new GraphError(504, 'GatewayTimeout', 'The gateway did not get an answer in time.');

export function createFaultEffects(tenant: Tenant, throttling: Throttling): FaultEffects {
  const late = new Set<NodeJS.Timeout>();

  async function suffer({ fault, perform, mailbox, session }: Struck): Promise<'reset'> {
    const until = tenant.now() + fault.retryAfterSeconds * 1000;
    const wait = (retryAfter: string, status?: number) => {
      if (mailbox !== undefined) throttling.coolDown(mailbox, until);
      return throttled('MailboxConcurrency', { 'retry-after': retryAfter }, status);
    };
    switch (fault.kind) {
      case 'throttled':
        throw wait(String(fault.retryAfterSeconds));
      case 'throttledUntilDate':
        // An HTTP date has whole seconds: rounded up, or the client would come too early.
        throw wait(new Date(Math.ceil(until / 1000) * 1000).toUTCString());
      case 'throttledSilently':
        throw throttled('MailboxConcurrency', {});
      case 'throttledAs503':
        throw wait(String(fault.retryAfterSeconds), 503);
      case 'unavailable':
        throw new GraphError(503, 'ServiceUnavailable', 'The service is temporarily unavailable.');
      case 'serverError':
        throw new GraphError(500, 'ErrorInternalServerError', 'An internal server error occurred.');
      case 'badGateway':
        throw new GraphError(502, 'BadGateway', 'Failed to reach the back end.');
      case 'gatewayTimeout':
        throw gatewayTimeout();
      case 'resetBefore':
        return 'reset';
      case 'commitThenTimeout':
        await perform();
        throw gatewayTimeout();
      case 'resetAfter':
        await perform();
        return 'reset';
      case 'lateCommit': {
        const timer = setTimeout(() => {
          late.delete(timer);
          void perform().catch(() => undefined); // refused late: nobody is left to tell
        }, fault.lateMs);
        late.add(timer);
        throw gatewayTimeout();
      }
      case 'tokenRefused':
        throw unauthorized('Lifetime validation failed, the token is expired.');
      case 'accessDenied':
        throw accessDenied();
      case 'quotaExceeded':
        throw quotaExceeded();
      case 'answered':
        throw new GraphError(fault.status, fault.code, 'The request cannot be answered now.');
      case 'sessionGone':
        if (session !== undefined) tenant.uploads.delete(session);
        throw notFound();
    }
  }

  return {
    suffer,
    close() {
      for (const timer of late) clearTimeout(timer);
    },
  };
}
