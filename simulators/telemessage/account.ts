import { createHash, timingSafeEqual } from 'node:crypto';

/** The TeleMessage account: a user name, a password that can be changed, and a lock against guessing. */

export type SignIn = 'ok' | 'refused' | 'locked';

export interface Account {
  signIn(authorization: string | undefined): SignIn;
  change(credentials: { username?: string | undefined; password: string }): void;
}

const digest = (text: string) => createHash('sha256').update(text).digest();
const isSame = (one: string, other: string) => timingSafeEqual(digest(one), digest(other));

export function createAccount(options: {
  username: string;
  password: string;
  /** The account locks after this many refusals in a row. */
  lockAfter: number;
  lockMs: number;
  now: () => number;
}): Account {
  let { username, password } = options;
  let refusals = 0;
  let lockedUntilMs = 0;
  return {
    signIn(authorization) {
      // Like a real account, a locked one refuses the right password too.
      if (options.now() < lockedUntilMs) return 'locked';
      const basic = /^Basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization ?? '')?.[1] ?? '';
      if (isSame(Buffer.from(basic, 'base64').toString(), `${username}:${password}`)) {
        refusals = 0;
        return 'ok';
      }
      refusals++;
      if (refusals >= options.lockAfter) {
        refusals = 0;
        lockedUntilMs = options.now() + options.lockMs;
      }
      return 'refused';
    },
    change(credentials) {
      username = credentials.username ?? username;
      password = credentials.password;
    },
  };
}
