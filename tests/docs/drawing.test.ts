import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { functionNames, queues } from '../../shared/names';
import { useTemporaryFolder } from '../support/temporary-folder';

const root = join(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const folder = useTemporaryFolder('drawing');

describe('docs/architecture.svg', () => {
  it('is what `npm run drawing` makes of its source today', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/drawing.mjs'), folder], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(read('docs/architecture.svg')).toBe(readFileSync(join(folder, 'architecture.svg'), 'utf8'));
  });

  it('shows every function and queue that moves items, but for the poison queues of requests', () => {
    const texts = [...read('docs/architecture.svg').matchAll(/<text [^>]*>([^<]+)<\/text>/g)].map(
      ([, text]) => text,
    );
    const { backfillWindowPoison, redriveItemPoison, operatorRequest, operatorRequestPoison, ...shown } =
      queues;
    const { operatorRequest: _request, ...functions } = functionNames;
    for (const name of [...Object.values(functions), ...Object.values(shown)]) expect(texts).toContain(name);
    for (const name of [backfillWindowPoison, redriveItemPoison, operatorRequest, operatorRequestPoison])
      expect(texts).not.toContain(name);
  });

  it('has colours of its own for a dark page', () => {
    expect(read('docs/architecture.svg')).toContain('@media (prefers-color-scheme:dark)');
  });
});
