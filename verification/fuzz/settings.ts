import { loadConfig, settingNames } from '../../shared/config';
import type { Random } from '../../simulators/samples/random';
import { Finding } from './invariants';
import { odd } from './mutate';
import { settings as right } from './stage';

/** App settings as a person or a script gets them wrong. */

const secret = 'seeded-secret-of-a-setting';
const values = [
  '',
  ' ',
  'true',
  'TRUE',
  'yes',
  '0',
  '-1',
  '1e3',
  '99999999999999999999',
  '١٢',
  'SE',
  'se',
  'XX',
  '* * *',
  '0 0 * * * *',
];
const urls = [
  'http://graph.example',
  'https://user:pass@graph.example',
  'https://graph.example/v1.0',
  'https://graph.example?x=1',
  'ftp://x',
  'https://',
  'http://127.0.0.1:99999',
  'http://127.0.0.1.evil.example',
  'http://localhost:7071',
  'javascript:alert(1)',
];

export function settingsCase(r: Random): { input: Buffer; run: () => string } {
  const env: Record<string, string> = { ...right };
  for (let acts = 1 + r.int(6); acts > 0; acts--) {
    const name = r.chance(0.9)
      ? r.pick(settingNames)
      : r.pick(['__proto__', 'constructor', 'toString', 'PATH']);
    const value = r.pick([r.pick(values), r.pick(urls), String(odd(r)), secret, `${secret}\n`]);
    Object.defineProperty(env, name, { value, enumerable: true, configurable: true, writable: true });
    if (r.chance(0.2)) delete env[r.pick(settingNames)];
  }
  const input = Buffer.from(JSON.stringify(env));
  return {
    input,
    run() {
      try {
        const config = loadConfig(env);
        for (const url of [config.graph.baseUrl, config.telemessage.baseUrl, config.keyVaultUrl])
          if (!/^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(url))
            throw new Finding('plain http was accepted beyond this machine');
        for (const connector of Object.values(config.perConnector))
          if (!connector.automaticMapping && !connector.customMapping)
            throw new Finding('no mapping at all was accepted');
        if (config.graph.timeoutMs * 2 > config.import.leaseMs)
          throw new Finding('a request may outlive its lease');
        return 'accepted';
      } catch (error) {
        if (error instanceof Finding) throw error;
        const { message } = error as Error;
        if (!message.startsWith('The app cannot start. Wrong settings:\n'))
          throw new Finding(`settings were refused without a clear error (${(error as Error).name})`);
        const lines = message.split('\n').slice(1);
        if (!lines.every((line) => settingNames.some((name) => line.trimStart().startsWith(name))))
          throw new Finding('a refusal does not name the setting');
        if (message.includes(secret)) throw new Finding('a refusal quotes a value');
        return 'refused';
      }
    },
  };
}
