import { readFileSync } from 'node:fs';
import { AzureCliCredential } from '@azure/identity';
import { createDeps, type AppDeps } from '../shared/deps';
import { UsageError, type Shell } from './verb';

/** The deployed app as a verb uses it: its settings, and its dependencies under the operator's or the app's sign-in. */

/**
 * The app's settings as the Functions host gives them to the app: the environment, then the `Values` of
 * local.settings.json. The file is optional.
 *
 * @throws UsageError if the file cannot be used
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  file: string,
): Record<string, string | undefined> {
  return { ...valuesOf(file), ...env };
}

function valuesOf(file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return {};
  }
  let content: { IsEncrypted?: boolean; Values?: Record<string, string> };
  try {
    content = JSON.parse(text) as typeof content;
  } catch {
    throw new UsageError(`${file} is not JSON`);
  }
  if (content.IsEncrypted)
    throw new UsageError(`${file} is encrypted: run "func settings decrypt" in its folder first`);
  return content.Values ?? {};
}

/** `--as-app` is for a machine in Azure that has the app's identity but no IDENTITY_ENDPOINT, such as a VM. */
export const asAppOption = { 'as-app': { type: 'boolean', default: false } } as const;
export const asAppHelp =
  '--as-app         sign in as the managed identity; otherwise as the user of "az login", unless IDENTITY_ENDPOINT is set';

export interface SignIn {
  asApp: boolean;
  /** Who signs in, for the operator. */
  name: string;
}

/** Who signs in: the app, or the person at the keyboard. */
export function signInOf(settings: Shell['settings'], asApp: boolean): SignIn {
  return asApp || settings['IDENTITY_ENDPOINT']
    ? { asApp: true, name: "the app's managed identity" }
    : { asApp: false, name: 'the person signed in by "az login", whose rights are not those of the app' };
}

/** The app's dependencies; close their `itemReader` at the end. @throws Error that names every wrong setting */
export function openApp(settings: Shell['settings'], asApp: boolean): AppDeps {
  return createDeps(settings, signInOf(settings, asApp).asApp ? {} : { signIn: new AzureCliCredential() });
}
