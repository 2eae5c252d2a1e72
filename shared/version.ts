/**
 * The version of this release, from package.json alone. The bundler copies this one value into the app, so a change
 * of any other line of package.json leaves the published bytes as they are.
 */
export { version } from '../package.json';
