import type { GetTokenOptions } from '@azure/identity';
import { createAccessDenials } from '../../shared/graph/failure';
import { createToken } from '../../shared/graph/token';
import { systemClock } from '../../shared/graph/transport.client';

const hourMs = 3_600_000;

/** A sign-in that hands out numbered tokens and keeps what it was asked. */
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

test('a token is kept until shortly before its end', async () => {
  const { token, asked, at } = open();
  await expect(token.current()).resolves.toBe('token 1');
  at(hourMs - 6 * 60_000);
  await expect(token.current()).resolves.toBe('token 1');
  at(hourMs - 4 * 60_000);
  await expect(token.current()).resolves.toBe('token 2');
  expect(asked).toHaveLength(2);
});

test('a refusal that asks for claims passes them on, once', async () => {
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

test('the refusal of an older token leaves the newer one in use', async () => {
  const { token, asked } = open();
  const first = await token.current();
  token.refused(first, null);
  await token.current();
  token.refused(first, null);
  await expect(token.current()).resolves.toBe('token 2');
  expect(asked).toHaveLength(2);
});

test('a sign-in that never ends is given up in time', async () => {
  const credential = { getToken: () => new Promise<never>(() => undefined) };
  const token = createToken({ credential, scope: 's', timeoutMs: 20, clock: systemClock });
  await expect(token.current()).rejects.toMatchObject({ name: 'PutOffError' });
});

test('denials count different mailboxes, and only while none let the app in', () => {
  let nowMs = 0;
  const denials = createAccessDenials({ now: () => nowMs, limit: 3, memoryMs: 1_000 });
  expect(['a', 'a', 'a', 'b'].map(denials.denied)).toEqual([false, false, false, false]);
  expect(denials.denied('c')).toBe(true);
  denials.admitted();
  expect(['a', 'b', 'c', 'd'].map(denials.denied)).toEqual([false, false, false, false]);
  nowMs = 2_000;
  expect(denials.denied('e')).toBe(true);
});
