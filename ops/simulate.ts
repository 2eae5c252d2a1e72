import { startStack } from '../local/stack';
import { exceptions, staff } from '../simulators/samples/organisation';

/** The simulators in place of a deployment, for a look at a verb without one. */
export async function startSimulation() {
  const { settings, close } = await startStack({ settings: {}, withoutHost: true });
  return {
    settings,
    /** One of its people who is archived, and one whose mailbox is closed to the app. */
    mailbox: staff[0]!.user.userPrincipalName,
    outside: exceptions.outOfScope.user.userPrincipalName,
    close,
  };
}
