/** The path of a blob trigger: `container/fixed/{name}.json`. */

export interface BlobPath {
  container: string;
  /** The part of the blob name before the first `{`: what a listing can be narrowed to. */
  prefix: string;
  /** The named parts, or undefined when the name does not fit. */
  match(blobName: string): Record<string, string> | undefined;
}

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

export function parseBlobPath(path: string): BlobPath {
  const [container = '', ...rest] = path.replace(/^\//, '').split('/');
  const pattern = rest.join('/');
  if (!/^(?:\$root|\$web|[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9])$/.test(container)) {
    throw new Error(`Invalid blob trigger path '${path}'. Paths must be in the format 'container/blob'.`);
  }
  const names: string[] = [];
  // As on the real host a named part takes slashes too.
  const source = pattern
    .split(/(\{[^{}]+\})/)
    .map((part, index) => (index % 2 === 0 ? escape(part) : (names.push(part.slice(1, -1)), '(.*)')))
    .join('');
  const whole = new RegExp(`^${source}$`, 's');
  return {
    container,
    prefix: pattern.split('{')[0] ?? '',
    match(blobName) {
      if (pattern === '') return {};
      const found = whole.exec(blobName);
      return found
        ? Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']))
        : undefined;
    },
  };
}
