import { connectors, type ConnectorId } from '../connectors';
import { containers, queues, tables } from '../names';
import { eventLine } from '../events';
import { described, failed, ok, skipped, statusOf, type Proof, type Step } from './step';

const MINUTE = 60_000;

/** Secrets and TeleMessage: what the app takes from. */
export const sourceSteps = (enabled: readonly ConnectorId[]): Step[] => [
  {
    id: 'secrets',
    title: 'Key Vault secrets',
    needs: ['settings'],
    cure: (error) =>
      ({
        403: 'Give the identity the role "Key Vault Secrets User" on the vault, and see that the vault admits this address.',
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
        // Read to the end, because a page is checked there; nothing of it is kept.
        for await (const _chunk of content);
      },
    );
    if (answer.kind !== 'page') return failed('the site speaks of an expired cursor on a first page (409)');
    return ok('signed in; the page of one minute was read and thrown away');
  },
});

/** The evidence store and the alerts: what the app writes to besides mailboxes. */
export const storeSteps: Step[] = [
  {
    id: 'queues',
    title: 'Queues',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which makes the queues and gives the identity "Storage Queue Data Contributor"; check that the account admits this address.',
    async run({ deps }) {
      const depths = await each(Object.values(queues), (name) => deps.storeProbe.queueDepth(name));
      return depths.failed ?? ok(`waiting: ${depths.done.map((pair) => pair.join(' ')).join(', ')}`);
    },
  },
  {
    id: 'tables',
    title: 'Tables',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which makes the tables and gives the identity "Storage Table Data Contributor"; check that the account admits this address.',
    async run({ deps, id }) {
      const read = await each(Object.values(tables), (name) => deps.storeProbe.readTable(name));
      if (read.failed) return read.failed;
      await deps.storeProbe.writeTable(tables.folders, 'preflight', id);
      return ok(`read: ${Object.values(tables).join(', ')}; written and removed: one row`);
    },
  },
  {
    id: 'write-once',
    title: 'Pages are written once',
    needs: ['settings'],
    cure: 'Deploy infra/ again, which makes the container and gives the identity "Storage Blob Data Contributor". If a second write was taken, something between the app and Azure changes requests: find it before anything is archived.',
    async run({ deps, id }) {
      await deps.batches.writePage(pageOf(id), once('first'));
      try {
        await deps.batches.writePage(pageOf(id), once('second'));
      } catch (error) {
        const status = statusOf(error);
        if (status === 409 || status === 412)
          return ok(`a second write of the same page was refused (${status})`);
        throw error;
      }
      return failed('a second write of the same page was taken');
    },
  },
  {
    id: 'immutability',
    title: 'Retention policy',
    needs: ['write-once'],
    cure: 'Deploy infra/ again: it puts a time-based retention policy on the container "batches". Without it, whoever may write there can change what was archived.',
    async run({ deps, id }) {
      const blob = pageOf(id);
      const { policy, overwriteRefused, emulator } = await deps.storeProbe.overwrite(
        containers.batches,
        blob,
        Buffer.from('first'),
      );
      if (overwriteRefused) return ok('a page cannot be overwritten, not even on purpose');
      if (emulator) return skipped('this storage is an emulator, which knows no retention policies');
      return failed(
        policy
          ? 'the container has a policy, and yet a page could be overwritten'
          : 'the container has no retention policy: a page could be overwritten',
      );
    },
  },
  {
    id: 'alert',
    title: 'Alert path',
    needs: ['settings'],
    cure: 'Check APPLICATIONINSIGHTS_CONNECTION_STRING, and that the identity has "Monitoring Metrics Publisher" on the Application Insights resource.',
    async run({ deps, id }) {
      const fields = { message: `preflight ${id}` };
      if (!deps.traces) {
        deps.emit('preflightTest', fields);
        return skipped(
          'APPLICATIONINSIGHTS_CONNECTION_STRING is not set: the signal went to the console alone',
        );
      }
      await deps.traces.send(eventLine('preflightTest', fields), new Date(deps.now()).toISOString());
      return ok(`signal sent: a mail with "preflight ${id}" must reach the operator within half an hour`);
    },
  },
];

/** Outside the names that pages and manifests have, so that no trigger fires and no count changes. */
const pageOf = (id: Proof['id']) => `preflight/${id}.txt`;

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

/** Asks for each by its name; a failure names all that failed. */
async function each<T>(names: string[], ask: (name: string) => Promise<T>) {
  const done: [name: string, answer: T][] = [];
  const problems: string[] = [];
  for (const name of names)
    await ask(name).then(
      (answer) => done.push([name, answer]),
      (error: unknown) => problems.push(`${name}: ${described(error)}`),
    );
  return { done, ...(problems.length > 0 && { failed: failed(problems.join('; ')) }) };
}
