import type { GetTokenOptions } from '@azure/identity';
import { createToken } from '../../shared/graph/token';
import { systemClock } from '../../shared/graph/transport.client';

const hourMs = 3_600_000;

/** A sign-in that gives numbered tokens and records what it was asked. */
function open(lifeMs = hourMs) {
  const asked: GetTokenOptions[] = [];
  let nowMs = 0;
  const token = createToken({
    credential: {
      getToken: async (_scope, options) => {
        asked.push(options ?? {});
        return { token: `token ${asked.length}`, expiresOnTimestamp: nowMs + lifeMs };
      },
    },
    scope: 'https://graph.microsoft.com/.default',
    timeoutMs: 1_000,
    clock: { ...systemClock, now: () => nowMs },
  });
  return { token, asked, at: (instantMs: number) => (nowMs = instantMs) };
}

describe('a token', () => {
  test('is kept until shortly before it expires', async () => {
    const { token, asked, at } = open();
    await expect(token.current()).resolves.toBe('token 1');
    at(hourMs - 6 * 60_000);
    await expect(token.current()).resolves.toBe('token 1');
    at(hourMs - 4 * 60_000);
    await expect(token.current()).resolves.toBe('token 2');
    expect(asked).toHaveLength(2);
  });

  test('is renewed with the claims that a refusal asks for, once', async () => {
    const { token, asked } = open();
    const claims = '{"access_token":{"nbf":{"essential":true}}}';
    const first = await token.current();
    token.refused(
      first,
      `Bearer error="insufficient_claims", claims="${Buffer.from(claims).toString('base64')}"`,
    );
    const second = await token.current();
    token.refused(second, 'Bearer realm=""');
    await token.current();
    expect(asked.map((options) => options.claims)).toEqual([undefined, claims, undefined]);
  });

  test('stays in use when an older one is refused', async () => {
    const { token, asked } = open();
    const first = await token.current();
    token.refused(first, null);
    await token.current();
    token.refused(first, null);
    await expect(token.current()).resolves.toBe('token 2');
    expect(asked).toHaveLength(2);
  });

  test('is put off when the sign-in never ends', async () => {
    const credential = { getToken: () => new Promise<never>(() => undefined) };
    const token = createToken({ credential, scope: 's', timeoutMs: 20, clock: systemClock });
    await expect(token.current()).rejects.toMatchObject({ name: 'PutOffError' });
  });
});
