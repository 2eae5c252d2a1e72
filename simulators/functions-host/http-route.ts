/** Route templates of HTTP triggers: `items/{id:int}/{part?}/{*rest}`. */

export interface Route {
  /** The parameters, or undefined when the path does not fit. */
  match(path: string): Record<string, string> | undefined;
  /** Routes with a higher weight are tried first: a fixed word beats a parameter. */
  weight: number;
}

const constraints: Record<string, RegExp> = {
  int: /^-?\d+$/,
  long: /^-?\d+$/,
  bool: /^(?:true|false)$/i,
  guid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  alpha: /^[a-z]+$/i,
};

interface Segment {
  name: string;
  optional: boolean;
  rest: boolean;
  fits(text: string): boolean;
}

function parseSegment(text: string): string | Segment {
  const inner = /^\{(\*{0,2})([^}:?=]+)((?::[^}?]+)?)(\??)\}$/.exec(text);
  if (!inner) return text.toLowerCase();
  const [, stars, name = '', rule = '', optional] = inner;
  const checks = rule.split(':').filter(Boolean);
  return {
    name,
    optional: optional === '?',
    rest: stars !== '',
    fits: (value) => checks.every((check) => constraints[check]?.test(value) ?? true),
  };
}

export function parseRoute(template: string): Route {
  const segments = template.split('/').filter(Boolean).map(parseSegment);
  return {
    weight: segments.reduce(
      (sum, segment) => sum * 3 + (typeof segment === 'string' ? 2 : segment.rest ? 0 : 1),
      1,
    ),
    match(path) {
      const parts = path.split('/').filter(Boolean);
      const found: Record<string, string> = {};
      let index = 0;
      for (const segment of segments) {
        const part = parts[index];
        if (typeof segment === 'string') {
          if (part?.toLowerCase() !== segment) return undefined;
        } else if (segment.rest) {
          found[segment.name] = parts.slice(index).join('/');
          return found;
        } else if (part === undefined) {
          if (!segment.optional) return undefined;
        } else {
          if (!segment.fits(part)) return undefined;
          found[segment.name] = part;
        }
        index++;
      }
      return index >= parts.length ? found : undefined;
    },
  };
}
