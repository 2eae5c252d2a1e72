import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The app's folder: host.json, package.json and the built app. This file runs from `local/`, or in a bundle in `dist/*`. */
export const appFolder: string =
  ['..', '../..'].map((up) => join(__dirname, up)).find((folder) => existsSync(join(folder, 'host.json'))) ??
  process.cwd();

/** Path of a program of the local stack, as `npm run build` makes it. */
export const bundle = (name: string): string => join(appFolder, 'dist', 'local', `${name}.js`);

/** Path of a bundle of the app as built for this checkout; what is published stands in `dist/app`. */
export const appBundle = (name: string): string => join(appFolder, 'dist', 'dev', `${name}.js`);
