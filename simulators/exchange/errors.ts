/** A refusal, with the status and the error code that Microsoft Graph or Exchange gives for it. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(message);
  }
}

export const badRequest = (message: string) => new GraphError(400, 'BadRequest', message);
export const unreadableBody = (message: string) => new GraphError(400, 'RequestBodyRead', message);
export const notFound = () =>
  new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
export const accessDenied = () =>
  new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
export const unauthorized = (message: string) =>
  new GraphError(401, 'InvalidAuthenticationToken', message, { 'www-authenticate': 'Bearer realm=""' });
export const conflict = () =>
  new GraphError(
    412,
    'ErrorIrresolvableConflict',
    'The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.',
  );
export const messageTooLarge = () =>
  new GraphError(400, 'ErrorMessageSizeExceeded', 'The message exceeds the maximum supported size.');
export const quotaExceeded = () =>
  new GraphError(507, 'ErrorQuotaExceeded', 'The mailbox has reached its maximum size.');
