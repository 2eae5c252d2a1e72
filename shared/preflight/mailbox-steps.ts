import { PermanentError } from '../errors';
import { failed, ok, skipped, type Step } from './step';

export const preflightFolder = 'Archiver Preflight';

export const grantCure =
  'Add the user to the archived users\' group and wait up to two hours; Test-ServicePrincipalAuthorization must say "InScope: True" (docs/permissions.md). A person\'s own sign-in has no such right: run this as the app (docs/preflight.md).';
const mailboxCure = 'Give the user a mailbox in Exchange Online, or name another pilot.';
const signInCure =
  'Check that the identity (AZURE_CLIENT_ID, or "az login") can sign in, and that GRAPH_BASE_URL and GRAPH_AUDIENCE match the tenant\'s cloud.';

/** The cure for an error that keeps the app out of a mailbox. */
const entryCure = (error: unknown): string =>
  error instanceof PermanentError && error.reason === 'mailboxUnavailable' ? mailboxCure : grantCure;

/** The steps from the sign-in to an empty folder in the pilot's mailbox. */
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
    async run({ deps, options }) {
      const user = await deps.directory.find(options.mailbox);
      if (!user)
        return failed(
          'no user, or more than one, has this address',
          'Check the spelling: a user principal name, mail or proxy address of exactly one user.',
        );
      return ok(`object id ${user.userId}`, { userId: user.userId });
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
    async run({ deps, userId }) {
      const folderId = await deps.mailboxProbe.makeFolder(userId, preflightFolder);
      return ok(`"${preflightFolder}"`, { folderId });
    },
  },
];

/** Proves least privilege: the app cannot enter a mailbox outside its scope. */
export const scopeStep: Step = {
  id: 'scope',
  title: 'Mailbox outside the scope',
  needs: ['graph-token'],
  cure: "Name a user with a mailbox who is not a member of the archived users' group.",
  async run({ deps, options }) {
    const { outside } = options;
    if (outside === undefined)
      return skipped('not tried: use --outside to name a mailbox that the app must not enter');
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
      'Take Mail.ReadWrite back in Entra and leave only the scoped grant in Exchange: infra/grant-mailboxes.ps1 (docs/permissions.md). Until then the app can enter every mailbox.',
    );
  },
};
