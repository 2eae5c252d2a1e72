/** The answers of Azure Storage that are no failures to this host. */

// By its field, not by its class: the storage packages throw errors of different classes.
const status = (error: unknown) => (error as { statusCode?: number } | undefined)?.statusCode;

export const isMissing = (error: unknown) => status(error) === 404;
/** Exists already, or somebody else holds the lease. */
export const isConflict = (error: unknown) => status(error) === 409 || status(error) === 412;

/** The value, or undefined where the service says that there is none. */
export async function orMissing<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
