import { AzureCliCredential } from '@azure/identity';
import { createDeps, type AppDeps } from '../shared/deps';
import type { Shell } from './verb';

/** Who does the work of a command. */
export interface SignedIn {
  asApp: boolean;
  words: string;
}

/** `--as-app`: for a machine in Azure that has the app's identity and no IDENTITY_ENDPOINT, such as a VM. */
export const asAppOption = { 'as-app': { type: 'boolean', default: false } } as const;
export const asAppHelp =
  '--as-app         sign in as the managed identity; else as whom "az login" signed in, unless IDENTITY_ENDPOINT is set';

/** The app's dependencies, as the app or as the person at the keyboard. @throws Error that names every wrong setting */
export function openApp({ settings }: Shell, asApp: boolean): { deps: AppDeps; signedIn: SignedIn } {
  const signedIn = whoIs(settings, asApp);
  const deps = createDeps(settings, signedIn.asApp ? {} : { signIn: new AzureCliCredential() });
  return { deps, signedIn };
}

export function whoIs(settings: Shell['settings'], asApp: boolean): SignedIn {
  return asApp || settings['IDENTITY_ENDPOINT']
    ? { asApp: true, words: "the app's managed identity" }
    : { asApp: false, words: 'the person signed in by "az login", whose rights are not those of the app' };
}
