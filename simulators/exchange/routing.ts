import { addAttachment, getAttachment, getAttachmentBytes, listAttachments } from './attachments';
import type { Handler } from './call';
import { badRequest, GraphError } from './errors';
import { createFolder, deleteFolder, getFolder, listFolders, moveFolder, renameFolder } from './folders';
import { createMessage, deleteMessage, getMessage, listMessages, patchMessage } from './messages';
import { cancelUpload, createUploadSession, getUpload, putUpload } from './uploads';
import { getUser, listUsers } from './users';

export interface Route {
  handler: Handler;
  /** The route's own text, by which requests are counted. */
  name: string;
  params: Record<string, string>;
  /** Behind the directory, in somebody's mailbox. */
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

/** The handler for a request. `knowsSessions` is false for a cloud whose model has no upload sessions. */
export function findRoute(method: string, rawPath: string, knowsSessions: boolean): Route {
  const segments = segmentsOf(rawPath);
  for (const [pattern, methods, name] of routes) {
    const params = matched(pattern, segments);
    if (!params || (!knowsSessions && name.endsWith('createUploadSession'))) continue;
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

function matched(pattern: string[], segments: string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (part.startsWith(':')) {
      // The action is no key, even where a model does not have it.
      if (segment === '' || segment === 'createUploadSession') return undefined;
      params[part.slice(1)] = segment;
    } else if (part !== segment) return undefined;
  }
  return params;
}

/** `/users/key` and `/users('key')` say the same; only the second can hold a key that begins with `$`. */
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
