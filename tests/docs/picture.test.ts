import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useTemporaryFolder } from '../support/temporary-folder';

const root = join(__dirname, '..', '..');
const folder = useTemporaryFolder('picture');

describe('docs/archived-item.svg', () => {
  it('shows the item as the code makes it today: `npm run picture` draws it again', () => {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'dist/local/picture.js'), folder], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const today = readFileSync(join(folder, 'archived-item.svg'), 'utf8');
    expect(readFileSync(join(root, 'docs/archived-item.svg'), 'utf8')).toBe(today);
  });

  it('shows a message to a group with its attachment and its archive record, and a recalled message', () => {
    const svg = readFileSync(join(root, 'docs/archived-item.svg'), 'utf8');
    for (const part of ['to chat group', '.pdf', 'Archived from', 'SHA-256', 'DELETED For All'])
      expect(svg).toContain(part);
  });
});
