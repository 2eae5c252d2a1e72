import { startStack } from '../local/stack';
import { exceptions, staff } from '../simulators/samples/organisation';

/** Starts the simulators instead of a deployment, to see what a verb does. */
export async function startSimulation() {
  const { settings, close } = await startStack({ settings: {}, withoutHost: true });
  return {
    settings,
    /** A person who is archived. */
    mailbox: staff[0]!.user.userPrincipalName,
    /** A person whose mailbox the app cannot enter. */
    outside: exceptions.outOfScope.user.userPrincipalName,
    close,
  };
}
