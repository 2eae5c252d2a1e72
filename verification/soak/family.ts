import { spawnSync } from 'node:child_process';

/** Ids of a process and of everything that descends from it. */
export function familyOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const family = [pid];
  for (const member of family) for (const [id, parent] of pairs) if (parent === member) family.push(id!);
  return family;
}
