// What else runs on this machine, asked by process id: from /proc where there is one, else from ps.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Command line of a running process; null when there is none (a zombie counts as none). */
export function commandOf(pid: number): string | null {
  if (process.platform !== 'linux') return ps('command=', pid);
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || null;
  } catch {
    return null;
  }
}

export const isRunning = (pid: number): boolean => commandOf(pid) !== null;

/** Process id of the parent; null when there is no such process. */
export function parentOf(pid: number): number | null {
  if (process.platform !== 'linux') return Number(ps('ppid=', pid)) || null;
  try {
    // "PID (name, which may hold anything) STATE PPID …"
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function ps(column: string, pid: number): string | null {
  return spawnSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() || null;
}
