import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where the bundles stand: beside this file when it runs as a bundle itself, else where the build puts them. */
const folder = existsSync(join(__dirname, 'worker.js')) ? __dirname : join(__dirname, '..', 'dist', 'local');

/** Path of a program of the local stack, as `npm run build` makes it. */
export const bundle = (name: string): string => join(folder, `${name}.js`);

/** Path of a bundle of the app as built for this checkout; what is published stands in `dist/app`. */
export const appBundle = (name: string): string => join(folder, '..', 'dev', `${name}.js`);

/** The app's folder: host.json, package.json and the built app. */
export const appFolder: string = dirname(dirname(folder));
