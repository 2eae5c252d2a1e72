import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { verbs } from '../../ops/verbs';

/** A page that names a file, a heading or a command that is gone sends its reader nowhere. */

const root = join(__dirname, '..', '..');
/** Not the change log: it may name what is gone. */
const pages = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
    .map((name) => join(folder, name)),
);
const read = (page: string) => readFileSync(join(root, page), 'utf8');
const withoutCode = (text: string) => text.replace(/^ *```[^]*?^ *```/gm, '');

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(page: string): string[] {
  const counts = new Map<string, number>();
  return [...withoutCode(read(page)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => {
    const anchor = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const earlier = counts.get(anchor) ?? 0;
    counts.set(anchor, earlier + 1);
    return earlier === 0 ? anchor : `${anchor}-${earlier}`;
  });
}

const rooms = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !['dist', 'node_modules', 'coverage'].includes(entry.name))
  .map(({ name }) => name.replace('.', '\\.'));
const path = new RegExp(`(?<![\\w./~-])(?:\\./)?((?:${rooms.join('|')})/[\\w./*-]*[\\w*])`, 'g');
const pathsOf = (page: string) => [...read(page).matchAll(path)].map(([, name]) => name!);
const linksOf = (page: string) =>
  [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!);
const commandsOf = (page: string) => [
  ...read(page).matchAll(/npm run ([\w:-]+)(?: -- ([a-z][\w-]*)(?: ([a-z][\w-]*))?)?/g),
];
const isVerb = (first: string, second = '') =>
  verbs.some(({ name }) => name === first || name === `${first} ${second}`);
/** The reader makes it from a sample. */
const madeByTheReader = ['infra/prod.bicepparam'];

/** Whether a file has this path; a `*` stands for any part of its name. */
function exists(name: string): boolean {
  if (madeByTheReader.includes(name)) return true;
  if (!name.includes('*')) return existsSync(join(root, name));
  const pattern = basename(name).replaceAll('.', '\\.').replaceAll('*', '.*');
  return readdirSync(join(root, dirname(name))).some((file) => new RegExp(`^${pattern}$`).test(file));
}

it('the pages have links, paths and commands to check', () => {
  for (const found of [linksOf, pathsOf, commandsOf])
    expect(pages.flatMap((page) => [...found(page)]).length).toBeGreaterThan(20);
});

describe.each(pages)('%s', (page) => {
  it('links only to files and headings that exist', () => {
    const broken = linksOf(page).filter((target) => {
      if (/^(https?|mailto):/.test(target)) return false;
      const [file, anchor] = target.split('#') as [string, string?];
      const linked = file === '' ? page : join(dirname(page), file);
      if (!existsSync(join(root, linked))) return true;
      return anchor !== undefined && !anchorsOf(linked).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it('names only files of the repository that exist', () => {
    const missing = pathsOf(page).filter((name) => !exists(name));
    expect(missing).toEqual([]);
  });

  it('names only scripts and verbs that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const unknown = commandsOf(page).filter(
      ([, script, first, second]) =>
        !(script! in scripts) || (script === 'ops' && first !== undefined && !isVerb(first, second)),
    );
    expect(unknown.map(([command]) => command)).toEqual([]);
  });
});
