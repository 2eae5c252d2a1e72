import { connectors, type ConnectorId } from '../connectors';
import { failed, ok, statusOf, type Step } from './step';

const MINUTE = 60_000;

/** The steps for what the app reads from: Key Vault and TeleMessage. */
export const sourceSteps = (enabled: readonly ConnectorId[]): Step[] => [
  {
    id: 'secrets',
    title: 'Key Vault secrets',
    needs: ['settings'],
    cure: (error) =>
      ({
        403: 'Give the identity the role "Key Vault Secrets User" on the vault, and check that the vault admits this address.',
        404: 'Put the secret into the vault (README.md, step 5), or correct the setting …_SECRET.',
      })[statusOf(error) ?? 0] ??
      'Check KEY_VAULT_URL, the sign-in, and that the secret has a value (README.md, step 5).',
    async run({ deps }) {
      const names = new Set<string>();
      for (const id of enabled) {
        const { usernameSecret, passwordSecret } = deps.config.perConnector[id];
        await deps.credentials.read({ usernameSecret, passwordSecret }, { fresh: true });
        names.add(usernameSecret).add(passwordSecret);
      }
      return ok(`read: ${[...names].join(', ')}`);
    },
  },
  {
    id: 'decryption-key',
    title: 'Key for encrypted items',
    needs: ['settings'],
    cure: 'Put the RSA key into the vault under the name in DECRYPTION_KEY, and give the identity "Key Vault Crypto Service Encryption User" (deploy infra/ with the setting).',
    async run({ deps }) {
      if (!deps.dataKeys)
        return ok('DECRYPTION_KEY is not set: items that TeleMessage encrypted go to quarantine');
      return ok(`${deps.config.decryptionKey}: ${(await deps.dataKeys.versions()).length} versions`);
    },
  },
  ...enabled.map(teleMessageStep),
];

const teleMessageStep = (id: ConnectorId): Step => ({
  id: `telemessage-${id}`,
  title: `TeleMessage sign-in, ${connectors[id].network}`,
  needs: ['secrets'],
  cure: (error) => {
    const text = error instanceof Error ? error.message : '';
    if (/\(401\)|until its secrets change/.test(text))
      return 'Put the right user name and password into the vault (README.md, step 5). Too many attempts lock the account.';
    if (/\(403\)|\(404\)/.test(text))
      return 'Ask TeleMessage whether this account may read this archiver, and whether it is locked; or take the connector out of CONNECTORS.';
    return 'Check TELEMESSAGE_BASE_URL, and that TeleMessage admits the outbound address of the app.';
  },
  async run({ deps }) {
    const { usernameSecret, passwordSecret } = deps.config.perConnector[id];
    const toMs = Math.floor((deps.now() - deps.config.fetch.lagMs) / MINUTE) * MINUTE;
    const answer = await deps.telemessage.fetchPage(
      {
        connector: connectors[id],
        credentials: { usernameSecret, passwordSecret },
        from: new Date(toMs - MINUTE).toISOString(),
        to: new Date(toMs).toISOString(),
        limit: 1,
        tries: 2,
      },
      async (content) => {
        // A page is checked at its end, so read all of it. Nothing is kept.
        for await (const _chunk of content);
      },
    );
    if (answer.kind !== 'page') return failed('the site reported an expired cursor for a first page (409)');
    return ok('signed in; read one page of one minute and discarded it');
  },
});
