import { createDeps, type Deps } from '../shared/deps';

let built: Deps | undefined;

/** The app's dependencies, built once per worker. @throws Error that names every wrong setting */
export const deps = (): Deps => (built ??= createDeps(process.env));
