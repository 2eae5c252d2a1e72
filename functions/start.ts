import { createDeps, type AppDeps } from '../shared/deps';

let built: AppDeps | undefined;

/** The app's dependencies, built once per worker. @throws Error that names every wrong setting */
export const deps = (): AppDeps => (built ??= createDeps(process.env));
