import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Finds and loads the files that `main` of the app's package.json names. */

interface PackageJson {
  main?: string;
  type?: string;
}

/** `a/{b,c/*}.js` → `a/b.js`, `a/c/*.js`. */
function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  let close = -1;
  const commas: number[] = [];
  for (let index = open; index < pattern.length && close < 0; index++) {
    const character = pattern[index];
    if (character === '{') depth++;
    else if (character === ',' && depth === 1) commas.push(index);
    else if (character === '}' && --depth === 0) close = index;
  }
  if (close < 0 || commas.length === 0) return [pattern];
  const edges = [open, ...commas, close];
  const parts = edges.slice(1).map((edge, index) => pattern.slice((edges[index] ?? 0) + 1, edge));
  return parts.flatMap((part) => expandBraces(pattern.slice(0, open) + part + pattern.slice(close + 1)));
}

const isGlob = (pattern: string) => /[*?[\]!()]/.test(pattern);

/** Like the real worker's glob, gives the fixed parts of a brace pattern before the parts with wildcards. */
function entryPointFiles(appDir: string, pattern: string): string[] {
  const parts = expandBraces(posix.normalize(pattern.replaceAll('\\', '/')));
  const fixed = parts.filter((part) => !isGlob(part));
  const found = [...fixed, ...parts.filter(isGlob)].flatMap((part) =>
    globSync(part, { cwd: appDir })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => /\.[cm]?js$/.test(file) || part === file)
      .sort(),
  );
  return [...new Set(found)];
}

const isEsModule = (file: string, packageJson: PackageJson) =>
  file.endsWith('.mjs') || (packageJson.type === 'module' && !file.endsWith('.cjs'));

/** Loads the app. Throws the app's error with the name of the file before its message. */
export async function loadEntryPoint(appDir: string): Promise<void> {
  let packageJson: PackageJson;
  try {
    packageJson = JSON.parse(readFileSync(join(appDir, 'package.json'), 'utf8')) as PackageJson;
  } catch {
    packageJson = {};
  }
  const { main } = packageJson;
  if (!main) return;
  let current = main;
  try {
    const files = entryPointFiles(appDir, main);
    if (files.length === 0) throw new Error('Found zero files matching the supplied pattern');
    for (const file of files) {
      current = file;
      const path = join(appDir, file);
      if (isEsModule(file, packageJson)) await import(pathToFileURL(path).href);
      else createRequire(join(appDir, 'package.json'))(path);
    }
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    const text = `Worker was unable to load entry point "${current}": ${message}`;
    throw Object.assign(new Error(text, { cause: error }), { stack: `${text}\n${stack ?? ''}` });
  }
}
