import type { AccessToken, TokenCredential } from '@azure/identity';
import { DeploymentError } from '../errors';
import { signInError } from './failure';
import type { Clock } from './mailbox-gate';

/** The access token for one resource, shared by all calls of the process. */
export interface Token {
  /** Throws `DeploymentError` when the sign-in is refused, `PutOffError` when the sign-in service does not answer. */
  current(): Promise<string>;
  /** Drops a token that the service refused. `challenge` is the `WWW-Authenticate` header of the refusal. */
  refused(token: string, challenge: string | null): void;
}

const minuteMs = 60_000;

/**
 * A token that is kept until shortly before it expires; concurrent calls share one sign-in.
 * `scope` is, for example, `https://graph.microsoft.com/.default`. `timeoutMs` is for one sign-in.
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

  /** A sign-in that never ends would block every call, and the managed-identity credential ignores abort signals. */
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
      // Continuous access evaluation: only a request with the claims of the challenge bypasses the credential's cache.
      const encoded = /claims="([^"]+)"/.exec(challenge ?? '')?.[1];
      if (encoded !== undefined) claims = Buffer.from(encoded, 'base64').toString();
    },
  };
}
