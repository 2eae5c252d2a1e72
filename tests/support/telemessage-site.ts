import {
  startTeleMessage,
  type TeleMessage,
  type TeleMessageOptions,
} from '../../simulators/telemessage/server';

/** The simulated TeleMessage site for its own tests, and a client that can ask for a day in any way. */

export const from = '2026-11-20T00:00:00Z';
export const to = '2026-11-21T00:00:00Z';

export const username = 'archive@nordlink.example';
export const password = 'pässword: with colon';
export const basic = (secret = password) =>
  `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`;

export interface Ask {
  source?: string;
  query?: Record<string, string>;
  /** Replaces the whole query. */
  search?: string;
  headers?: Record<string, string>;
  method?: string;
  signal?: AbortSignal;
}

/** A site that each test starts, once or several times; the one that runs last is closed after the test. */
export function useSite(defaults: Pick<TeleMessageOptions, 'sources' | 'unlicensed'>, limit: string) {
  let site: TeleMessage | undefined;
  const close = async () => {
    await site?.close();
    site = undefined;
  };
  afterEach(close);
  return {
    get origin() {
      return site!.origin;
    },
    /** Starts the site, in place of one that runs already. */
    async start(options: Partial<TeleMessageOptions> = {}): Promise<void> {
      await close();
      site = await startTeleMessage({ username, password, ...defaults, ...options });
    },
    ask({ source = 'wechat', query = {}, search, headers = {}, ...init }: Ask = {}): Promise<Response> {
      const parameters = new URLSearchParams({ from, to, limit, ...query });
      return fetch(`${site!.origin}/archive/v1/${source}/messages?${search ?? parameters}`, {
        redirect: 'manual',
        headers: { authorization: basic(), accept: 'application/x-ndjson', ...headers },
        ...init,
      });
    },
  };
}
