import { createHmac, timingSafeEqual } from 'node:crypto';

/** Access tokens: the simulated identity endpoint signs them, the other simulators check them. */

const signingKey = 'local-stack-signing-key';

export interface TokenClaims {
  /** The audience: the resource that the token is for, without a trailing slash. */
  aud: string;
  iss: string;
  appid: string;
  /** Object id of the identity in the directory. */
  oid?: string;
  /** Seconds since 1970. Azurite refuses a token without it. */
  iat?: number;
  /** Seconds since 1970. */
  nbf: number;
  exp: number;
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string) => createHmac('sha256', signingKey).update(text).digest();

export function mintToken(claims: TokenClaims): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign(text).toString('base64url')}`;
}

/** The claims of the token; undefined if it is not valid for this audience at this time. */
export function verifyToken(token: string, audience: string, nowMs: number): TokenClaims | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  if (!header || !payload || !signature || rest.length > 0) return undefined;
  const expected = sign(`${header}.${payload}`);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims;
  const seconds = nowMs / 1000;
  return claims.aud === audience && claims.nbf <= seconds && seconds < claims.exp ? claims : undefined;
}
