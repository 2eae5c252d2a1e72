import { readFileSync } from 'node:fs';
import { UsageError } from './verb';

/**
 * The app's settings as the Functions host hands them to it: the environment, and the `Values` of
 * local.settings.json where the environment has none. `FILE` need not exist.
 *
 * @throws UsageError when the file cannot be used
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
    throw new UsageError(`${file} is encrypted: run "func settings decrypt" beside it first`);
  return content.Values ?? {};
}
