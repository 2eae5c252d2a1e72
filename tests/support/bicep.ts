import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Language, Parser, type Node } from 'web-tree-sitter';

export const root = join(__dirname, '..', '..');
export const infra = join(root, 'infra');
export const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** A value as far as it is written out; anything that is computed is its own text. */
export type Value = string | number | boolean | Value[] | { [name: string]: Value } | Expression;
export class Expression {
  constructor(readonly text: string) {}
}

export interface Declaration {
  kind: 'param' | 'var' | 'resource' | 'module' | 'output';
  name: string;
  /** The text in quotes after the name: type and version of a resource, file of a module. */
  target: string;
  existing: boolean;
  hasDefault: boolean;
  value: Value;
  text: string;
  node: Node;
}

export interface BicepFile {
  name: string;
  source: string;
  tree: Node;
  declarations: Declaration[];
}

const kinds: Record<string, Declaration['kind']> = {
  parameter_declaration: 'param',
  variable_declaration: 'var',
  resource_declaration: 'resource',
  module_declaration: 'module',
  output_declaration: 'output',
};

/** The text of a string without interpolation. */
const plainText = (node: Node): string =>
  node.text.startsWith("'''") ? node.text.slice(3, -3).replace(/^\r?\n/, '') : node.text.slice(1, -1);

function valueOf(node: Node): Value {
  if (node.type === 'string' && !node.namedChildren.some((child) => child.type === 'interpolation'))
    return plainText(node);
  if (node.type === 'number') return Number(node.text);
  if (node.type === 'boolean') return node.text === 'true';
  if (node.type === 'array') return node.namedChildren.filter((child) => !isComment(child)).map(valueOf);
  if (node.type === 'object') return objectOf(node);
  return new Expression(node.text);
}

const isComment = (node: Node) => node.type.includes('comment');

function objectOf(node: Node): { [name: string]: Value } {
  const properties = node.namedChildren.filter((child) => child.type === 'object_property');
  return Object.fromEntries(
    properties.map((property) => {
      const [key, value] = property.namedChildren.filter((child) => !isComment(child));
      const name = key!.type === 'string' ? plainText(key!) : key!.text;
      return [name, value ? valueOf(value) : new Expression(property.text)];
    }),
  );
}

/** The object of a declaration, also inside a condition or a loop. */
function bodyOf(node: Node): Node | undefined {
  if (node.type === 'object') return node;
  return node.namedChildren
    .toReversed()
    .map(bodyOf)
    .find((found) => found !== undefined);
}

function declarationOf(node: Node): Declaration {
  const kind = kinds[node.type]!;
  const parts = node.namedChildren.filter((child) => !isComment(child));
  const quoted = parts.find((child) => child.type === 'string');
  const withBody = kind === 'resource' || kind === 'module';
  const last = withBody ? bodyOf(node) : parts.at(-1);
  return {
    kind,
    name: parts.find((child) => child.type === 'identifier')!.text,
    target: quoted ? plainText(quoted) : '',
    existing: /^resource \S+ '[^']*' existing /.test(node.text),
    hasDefault: kind === 'param' && /=/.test(node.text.split('\n')[0]!),
    value: last ? valueOf(last) : '',
    text: node.text,
    node,
  };
}

/** Every template under infra/, parsed. */
export async function readTemplates(): Promise<BicepFile[]> {
  await Parser.init();
  const parser = new Parser();
  // Bytes, not a path: for a path the parser imports modules in a way that jest does not serve.
  const grammar = readFileSync(require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm'));
  parser.setLanguage(await Language.load(grammar));
  const names = readdirSync(infra).filter((name) => name.endsWith('.bicep'));
  return names.map((name) => {
    const source = readFileSync(join(infra, name), 'utf8');
    const tree = parser.parse(source)!.rootNode;
    const declarations = tree.namedChildren.filter((node) => node.type in kinds).map(declarationOf);
    return { name, source, tree, declarations };
  });
}

export function allOf(node: Node, type: string): Node[] {
  return [
    ...(node.type === type ? [node] : []),
    ...node.namedChildren.flatMap((child) => allOf(child, type)),
  ];
}

/** Names of the properties of the objects that are written into a call. */
export const keysOfCall = (file: BicepFile, name: string): string[] =>
  allOf(file.tree, 'call_expression')
    .filter((call) => call.namedChildren[0]?.text === name)
    .flatMap((call) => call.namedChildren.at(-1)!.namedChildren)
    .filter((argument) => argument.type === 'object')
    .flatMap((argument) => Object.keys(objectOf(argument)));
