import { PermanentError } from '../errors';
import { testSubject } from './test-item';
import { failed, ok, skipped, type Proof, type Step } from './step';

export const preflightFolder = 'Archiver Preflight';

export const grantCure =
  'Make the user a member of the archived users\' group and wait up to two hours; Test-ServicePrincipalAuthorization must say "InScope: True" (docs/permissions.md). A person\'s own sign-in has no such right: run this as the app (docs/preflight.md).';
const mailboxCure = 'Give the user a mailbox in Exchange Online, or name another pilot.';
const signInCure =
  'Check that the identity (AZURE_CLIENT_ID, or "az login") can sign in, and that GRAPH_BASE_URL and GRAPH_AUDIENCE are those of the tenant\'s cloud.';

/** The cure for what keeps the app out of a mailbox. */
const entryCure = (error: unknown): string =>
  error instanceof PermanentError && error.reason === 'mailboxUnavailable' ? mailboxCure : grantCure;

/** From the sign-in to an empty folder in the pilot's mailbox. */
export const entrySteps: Step[] = [
  {
    id: 'graph-token',
    title: 'Token for Microsoft Graph',
    needs: ['settings'],
    cure: signInCure,
    async run({ deps }) {
      await deps.mailboxProbe.signIn();
      return ok(`for ${deps.config.graph.audience}`);
    },
  },
  {
    id: 'user',
    title: 'User found',
    needs: ['graph-token'],
    cure: `Run infra/grant-directory.sh, which grants User.Read.All. ${signInCure}`,
    async run(proof) {
      const user = await proof.deps.directory.find(proof.options.mailbox);
      if (!user)
        return failed(
          'no user, or more than one, has this address',
          'Check the spelling: a user principal name, mail or proxy address of exactly one user.',
        );
      proof.userId = user.userId;
      return ok(`object id ${user.userId}`);
    },
  },
  {
    id: 'mailbox',
    title: 'Mailbox usable',
    needs: ['user'],
    cure: entryCure,
    async run({ deps, userId }) {
      await deps.mailboxProbe.enter(userId);
      return ok('the app may enter it');
    },
  },
  {
    id: 'folder',
    title: 'Folder created',
    needs: ['mailbox'],
    cure: `The app may read but not write: it needs "Application Mail.ReadWrite". ${grantCure}`,
    async run(proof) {
      proof.folderId = await proof.deps.mailboxProbe.makeFolder(proof.userId, preflightFolder);
      return ok(`"${preflightFolder}"`);
    },
  },
];

/** Removes what the steps before made, whatever became of them. */
export const removalStep: Step = {
  id: 'removed',
  title: 'Test items removed',
  needs: ['folder'],
  cure: `Delete the folder "${preflightFolder}" in the pilot's mailbox by hand. The app must be able to delete: it removes a second copy.`,
  async run({ deps, userId, folderId, messageIds, first }) {
    let left = 0;
    const removing = async () => {
      for (const messageId of messageIds) await deps.mailboxes.remove(userId, messageId);
      if (first) left = (await deps.mailboxes.find(userId, folderId, first.item.itemKey)).length;
    };
    const problem = await removing().then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    // Items of a preflight that was cut off may stand there; what its owner put there must not go with them.
    const { subjects, folders } = await deps.mailboxProbe.contents(userId, folderId);
    if (folders > 0 || subjects.some((subject) => subject !== testSubject))
      return failed('the folder holds something that is no test item, and was left as it is');
    await deps.mailboxProbe.removeFolder(userId, folderId);
    if (problem) throw problem.error;
    if (left > 0) return failed('a removed message still stood in its folder');
    return ok(
      `${messageIds.length} messages and the folder; Recoverable Items keeps them as long as it must`,
    );
  },
};

export const scopeStep: Step = {
  id: 'scope',
  title: 'Mailbox outside the scope',
  needs: ['graph-token'],
  cure: "Name a user with a mailbox who is not a member of the archived users' group.",
  async run({ deps, options }: Proof) {
    const { outside } = options;
    if (outside === undefined)
      return skipped('not tried: name a mailbox that must be closed to the app with --outside');
    const user = await deps.directory.find(outside);
    if (!user) return failed('no user, or more than one, has this address');
    try {
      await deps.mailboxProbe.enter(user.userId);
    } catch (error) {
      if (error instanceof PermanentError && error.reason === 'accessDenied')
        return ok('the app is refused, as it should be');
      throw error;
    }
    return failed(
      'the app may enter it',
      'Take Mail.ReadWrite back in Entra and leave the scoped grant in Exchange alone: infra/grant-mailboxes.ps1 (docs/permissions.md). Until then the app reaches every mailbox.',
    );
  },
};
