import type { AccessToken, TokenCredential } from '@azure/identity';
import { DeploymentError, PutOffError } from '../errors';
import { wasNeverSent } from './failure';
import type { Clock } from './mailbox-gate';

/** The access token for one resource, shared by all calls of the process. */
export interface Token {
  /** Throws `DeploymentError` when signing in is refused, `PutOffError` when the sign-in service is out of reach. */
  current(): Promise<string>;
  /** Called with a token that was refused and the challenge that came with it: the next one is asked for anew. */
  refused(token: string, challenge: string | null): void;
}

const minuteMs = 60_000;
const signInPutOffMs = 30_000;

/**
 * Keeps a token until shortly before its end and lets concurrent calls share one sign-in.
 * `scope` is, for example, `https://graph.microsoft.com/.default`.
 */
export function createToken(options: {
  credential: TokenCredential;
  scope: string;
  timeoutMs: number;
  clock: Clock;
}): Token {
  const { credential, scope, timeoutMs, clock } = options;
  let kept: { token: string; untilAt: number } | undefined;
  let pending: Promise<string> | undefined;
  let claims: string | undefined;

  /** The managed-identity credential does not listen to an abort signal, so the time is kept here. */
  async function inTime(access: Promise<AccessToken | null>): Promise<AccessToken | null> {
    const done = new AbortController();
    const late = clock.sleep(timeoutMs, done.signal).then(
      () => Promise.reject(Object.assign(new Error('Signing in took too long.'), { name: 'TimeoutError' })),
      () => null,
    );
    return Promise.race([access, late]).finally(() => done.abort());
  }

  async function signIn(): Promise<string> {
    const asked = claims;
    const access = await inTime(
      credential.getToken(scope, asked === undefined ? {} : { claims: asked }),
    ).catch((error: unknown) => Promise.reject(signInError(error)));
    if (!access)
      throw new DeploymentError('No identity is configured that could sign in to Microsoft Graph.');
    if (claims === asked) claims = undefined;
    const leftMs = access.expiresOnTimestamp - clock.now();
    kept = { token: access.token, untilAt: clock.now() + leftMs - Math.min(5 * minuteMs, leftMs / 10) };
    return access.token;
  }

  return {
    async current() {
      if (kept && clock.now() < kept.untilAt) return kept.token;
      pending ??= signIn().finally(() => (pending = undefined));
      return pending;
    },
    refused(token, challenge) {
      if (kept?.token === token) kept = undefined;
      // Continuous access evaluation: with the claims of the challenge a credential passes over its own cache.
      const encoded = /claims="([^"]+)"/.exec(challenge ?? '')?.[1];
      if (encoded !== undefined) claims = Buffer.from(encoded, 'base64').toString();
    },
  };
}

interface SignInCause {
  name?: string;
  code?: unknown;
  errorCode?: unknown;
  status?: unknown;
  statusCode?: unknown;
  cause?: SignInCause;
}

/**
 * Signing in fails for good (AADSTS errors, no identity) or because the service cannot be reached; the identity
 * library wraps both in the same error, so the causes tell them apart. Their texts can name users: not repeated.
 */
function signInError(error: unknown): Error {
  let cause = error as SignInCause | undefined;
  for (let depth = 0; cause && depth < 8; depth += 1, cause = cause.cause) {
    const status = Number(cause.statusCode ?? cause.status ?? 0);
    const code = String(cause.errorCode ?? cause.code ?? '');
    const outOfReach = wasNeverSent(code) || /^(network_error|ECONNRESET|ETIMEDOUT)$/.test(code);
    if (outOfReach || status === 429 || status >= 500 || cause.name === 'TimeoutError') {
      return new PutOffError(signInPutOffMs, 'The sign-in service for Microsoft Graph did not answer.');
    }
  }
  const aadsts = /AADSTS\d+/.exec(error instanceof Error ? error.message : '')?.[0];
  return new DeploymentError(`Signing in to Microsoft Graph was refused${aadsts ? ` (${aadsts})` : ''}.`);
}
