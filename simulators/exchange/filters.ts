import { badRequest, type GraphError } from './errors';

export type Literal = string | number | boolean | null;
export type Filter =
  | { kind: 'and' | 'or'; parts: Filter[] }
  | { kind: 'eq'; path: string; value: Literal }
  | { kind: 'in'; path: string; values: Literal[] }
  | { kind: 'any'; path: string; variable: string; body: Filter };

const tokens = /\s+|'(?:[^']|'')*'|[A-Za-z_][\w/.]*|-?\d+|[():,]/y;

/**
 * Parses the part of OData's filter language that the simulated services support. What OData knows and they
 * do not is refused by `unsupported`; what is no OData at all, by 400 `BadRequest`.
 */
export function parseFilter(text: string, unsupported: () => GraphError): Filter {
  const words = tokenize(text);
  let at = 0;
  const peek = () => words[at];
  const next = () => words[at++];
  const expect = (word: string) => {
    if (next() !== word) throw syntaxError();
  };

  function alternatives(): Filter {
    const parts = [conjunction()];
    while (peek() === 'or') parts.push((next(), conjunction()));
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  function conjunction(): Filter {
    const parts = [term()];
    while (peek() === 'and') parts.push((next(), term()));
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  function term(): Filter {
    if (peek() === '(') {
      next();
      const inner = alternatives();
      expect(')');
      return inner;
    }
    const path = next();
    if (path === undefined || !/^[A-Za-z_]/.test(path)) throw syntaxError();
    if (path === 'not') throw unsupported();
    const lambda = /^(.+)\/(?:any|Any)$/.exec(path);
    if (lambda && peek() === '(') return any(lambda[1]!);
    if (peek() === '(') throw unsupported(); // startswith(…), contains(…)
    const operator = next();
    if (operator === 'eq') return { kind: 'eq', path, value: literal() };
    if (operator === 'in') return { kind: 'in', path, values: list() };
    if (['ne', 'gt', 'ge', 'lt', 'le', 'has'].includes(operator ?? '')) throw unsupported();
    throw syntaxError();
  }

  function any(path: string): Filter {
    expect('(');
    const variable = next() ?? '';
    expect(':');
    const body = alternatives();
    expect(')');
    return { kind: 'any', path, variable, body };
  }

  function list(): Literal[] {
    expect('(');
    const values = [literal()];
    while (peek() === ',') values.push((next(), literal()));
    expect(')');
    return values;
  }

  function literal(): Literal {
    const word = next();
    if (word === undefined) throw syntaxError();
    if (word.startsWith("'")) return word.slice(1, -1).replaceAll("''", "'");
    if (/^-?\d+$/.test(word)) return Number(word);
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    throw syntaxError();
  }

  const filter = alternatives();
  if (at < words.length) throw syntaxError();
  return filter;
}

function tokenize(text: string): string[] {
  const words: string[] = [];
  tokens.lastIndex = 0;
  while (tokens.lastIndex < text.length) {
    const match = tokens.exec(text);
    if (!match) throw syntaxError();
    if (match[0].trim() !== '') words.push(match[0]);
  }
  return words;
}

const syntaxError = () => badRequest('Invalid filter clause: syntax error.');

/** The values of a filter of the form `path eq 'a' or path eq 'b'`, or undefined when it has another form. */
export function alternativesOf(filter: Filter, path: string): string[] | undefined {
  const parts = filter.kind === 'or' ? filter.parts : [filter];
  const values: string[] = [];
  for (const part of parts) {
    if (part.kind !== 'eq' || part.path !== path || typeof part.value !== 'string') return undefined;
    values.push(part.value);
  }
  return values;
}
