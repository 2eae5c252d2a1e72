// Makes the README's drawing: docs/architecture.svg from docs/architecture.dot. Graphviz runs as WebAssembly, so the same
// source gives the same bytes on every machine. `node scripts/drawing.mjs FOLDER` writes it elsewhere.
import { instance } from '@viz-js/viz';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

/** Fill, line and text of each class, on a light and on a dark page. */
const classes = {
  zone: [
    ['#f5f7fa', '#d5dbe3', '#57606a'],
    ['#1c2330', '#39445a', '#9aa7b8'],
  ],
  function: [
    ['#dcebfb', '#2f7fd0', '#0b2f56'],
    ['#17395f', '#4f9be6', '#e3effc'],
  ],
  evidence: [
    ['#fff1cf', '#c98a04', '#4d3500'],
    ['#4a3708', '#d9a520', '#fff1cf'],
  ],
  queue: [
    ['#fde4d3', '#d2691e', '#58280a'],
    ['#52290f', '#e58a4b', '#fde4d3'],
  ],
  azure: [
    ['#e4e2f8', '#6a5fc7', '#2b2468'],
    ['#312b66', '#9188e0', '#eceafc'],
  ],
  outside: [
    ['#e8ebef', '#77828f', '#24292f'],
    ['#353d48', '#8d99a8', '#eef1f4'],
  ],
  microsoft: [
    ['#dff3ee', '#1c8f78', '#07443a'],
    ['#0f4037', '#3fb89e', '#dff3ee'],
  ],
  mailbox: [
    ['#1c8f78', '#0f6f5c', '#ffffff'],
    ['#2aa58c', '#7fdcc8', '#04241e'],
  ],
};
const page = ['#ffffff', '#0d1117'];
const lines = ['#8a94a3', '#7c8798'];
const mainPath = ['#24292f', '#e6edf3'];

const rulesFor = (theme) =>
  [
    `.page{fill:${page[theme]}}`,
    ...Object.entries(classes).map(([name, themes]) => {
      const [fill, line, text] = themes[theme];
      return `.${name} path,.${name} polygon{fill:${fill};stroke:${line}}.${name} text{fill:${text}}`;
    }),
    `.title text{fill:${classes.zone[theme][2]}}`,
    `.edge path{stroke:${lines[theme]}}.edge polygon{fill:${lines[theme]};stroke:${lines[theme]}}`,
    `.main path{stroke:${mainPath[theme]}}.main polygon{fill:${mainPath[theme]};stroke:${mainPath[theme]}}`,
  ].join('\n');
const letters = `
.node text{font-size:10.5px}
.node text:first-of-type,.title text{font-size:12.5px;font-weight:600}
.microsoft text:nth-of-type(2):last-of-type{font-size:12.5px;font-weight:600}`;
const style = `${letters}\n${rulesFor(0)}\n@media (prefers-color-scheme:dark){\n${rulesFor(1)}\n}`;

/** The SVG of a DOT source, as one text. */
async function draw(source) {
  const viz = await instance();
  const svg = viz.renderString(source, { format: 'svg' });
  const [, width, height] = /viewBox="0\.00 0\.00 ([\d.]+) ([\d.]+)"/.exec(svg);
  return (
    svg
      .slice(svg.indexOf('<svg'))
      // The names in the source help nobody who reads the drawing.
      .replace(/<!--.*?-->\n/g, '')
      .replace(/<title>(?!How)[^<]*<\/title>\n/g, '')
      .replaceAll('&#45;', '-')
      .replaceAll('font-family="Helvetica"', 'font-family="Segoe UI,Helvetica,Arial,sans-serif"')
      .replace(
        /<g id="graph0"/,
        `<style>\n${style}\n</style>\n<rect class="page" width="${width}" height="${height}" rx="10"/>\n$&`,
      )
  );
}

const docs = join(import.meta.dirname, '..', 'docs');
const file = join(resolve(process.argv[2] ?? docs), 'architecture.svg');
writeFileSync(file, await draw(readFileSync(join(docs, 'architecture.dot'), 'utf8')));
console.log(relative(process.cwd(), file));
