import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of host.json, package.json and `dist`. This file runs from `local/`, or in a bundle in `dist/*`. */
export const appFolder: string =
  ['..', '../..'].map((up) => join(__dirname, up)).find((folder) => existsSync(join(folder, 'host.json'))) ??
  process.cwd();

/** Path of a bundled program of the local stack. */
export const bundle = (name: string): string => join(appFolder, 'dist', 'local', `${name}.js`);

/** Path of a bundle of the app for this checkout; the published app is in `dist/app`. */
export const appBundle = (name: string): string => join(appFolder, 'dist', 'dev', `${name}.js`);
