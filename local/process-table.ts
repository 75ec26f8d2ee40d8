// What else runs on this machine, asked by process id.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Command line of a running process; null when there is none (a zombie counts as none). */
export function commandOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || null;
  } catch {
    if (process.platform === 'linux') return null;
  }
  return spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim() || null;
}

export const isRunning = (pid: number): boolean => commandOf(pid) !== null;
