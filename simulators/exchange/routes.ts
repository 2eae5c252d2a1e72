import {
  addAttachment,
  cancelUpload,
  createUploadSession,
  getAttachment,
  getAttachmentBytes,
  getUpload,
  listAttachments,
  putUpload,
} from './attachments';
import type { Handler } from './call';
import { getOrganisation, getUser, listUsers } from './directory';
import { badRequest, GraphError } from './errors';
import { createFolder, deleteFolder, getFolder, listFolders, moveFolder, renameFolder } from './folders';
import { createMessage, deleteMessage, getMessage, listMessages, patchMessage } from './messages';

export interface Route {
  handler: Handler;
  /** Method and pattern, by which requests are counted. */
  name: string;
  params: Record<string, string>;
  /** Whether the route leads into a user's mailbox, not only to the directory. */
  inMailbox: boolean;
}

type Methods = Record<string, Handler>;

const message: Methods = { GET: getMessage, PATCH: patchMessage, DELETE: deleteMessage };
const messageRoutes = (at: string): [string, Methods][] => [
  [at, { GET: listMessages, POST: createMessage }],
  [`${at}/:message`, message],
  [`${at}/:message/attachments`, { GET: listAttachments, POST: addAttachment }],
  [`${at}/:message/attachments/createUploadSession`, { POST: createUploadSession }],
  [`${at}/:message/attachments/:attachment`, { GET: getAttachment }],
  [`${at}/:message/attachments/:attachment/$value`, { GET: getAttachmentBytes }],
];

const routes: [pattern: string[], methods: Methods, name: string][] = (
  [
    ['v1.0/organization', { GET: getOrganisation }],
    ['v1.0/users', { GET: listUsers }],
    ['v1.0/users/:user', { GET: getUser }],
    ['v1.0/users/:user/mailFolders', { GET: listFolders, POST: createFolder }],
    ['v1.0/users/:user/mailFolders/:folder', { GET: getFolder, PATCH: renameFolder, DELETE: deleteFolder }],
    ['v1.0/users/:user/mailFolders/:folder/move', { POST: moveFolder }],
    ['v1.0/users/:user/mailFolders/:folder/childFolders', { GET: listFolders, POST: createFolder }],
    ...messageRoutes('v1.0/users/:user/messages'),
    ...messageRoutes('v1.0/users/:user/mailFolders/:folder/messages'),
    ['attachment-sessions/:session', { PUT: putUpload, GET: getUpload, DELETE: cancelUpload }],
  ] satisfies [string, Methods][]
).map(([path, methods]) => [path.split('/'), methods, path]);

/**
 * The route of a request; throws the 400 or 405 for a path or a method that has none. `hasUploadSessions` is false
 * for a cloud whose model does not have them.
 */
export function findRoute(method: string, rawPath: string, hasUploadSessions: boolean): Route {
  const segments = segmentsOf(rawPath);
  for (const [pattern, methods, name] of routes) {
    const params = paramsOf(pattern, segments);
    if (!params || (!hasUploadSessions && name.endsWith('createUploadSession'))) continue;
    const handler = methods[method];
    if (!handler) {
      throw new GraphError(
        405,
        'Request_BadRequest',
        'Specified HTTP method is not allowed for the request target.',
      );
    }
    return { handler, name: `${method} ${name}`, params, inMailbox: pattern.length > 3 };
  }
  throw badRequest(`Resource not found for the segment '${segments.at(-1) ?? ''}'.`);
}

/** The keys in the path, or undefined when it does not match the pattern. */
function paramsOf(pattern: string[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (part.startsWith(':')) {
      // An action is not a key, even in a cloud whose model does not have it.
      if (segment === '' || segment === 'createUploadSession') return undefined;
      params[part.slice(1)] = segment;
    } else if (part !== segment) return undefined;
  }
  return params;
}

/** `/users('key')` means the same as `/users/key`, and is the only form for a key that begins with `$`. */
function segmentsOf(rawPath: string): string[] {
  return rawPath
    .slice(1)
    .split('/')
    .flatMap((raw) => {
      const segment = decode(raw);
      const keyed = /^([A-Za-z]+)\('(.*)'\)$/s.exec(segment);
      if (keyed) return [keyed[1]!, keyed[2]!.replaceAll("''", "'")];
      if (segment.startsWith('$') && segment !== '$value') throw badRequest(`Invalid segment '${segment}'.`);
      return [segment];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('The path is not correctly percent-encoded.');
  }
}
