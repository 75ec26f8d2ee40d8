// What runs in a process group: whoever started it must leave none of it behind.
import { spawnSync } from 'node:child_process';

/** Their ids. Zombies are not counted: they wait for nothing but to be collected. */
export function processesOfGroup(group: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,pgid=,stat='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, stat]) => Number(pgid) === group && !stat?.startsWith('Z'))
    .map(([pid]) => Number(pid));
}
