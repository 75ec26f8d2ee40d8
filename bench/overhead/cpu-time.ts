// How long a process has been on a processor: what a request costs there, whatever else the machine does meanwhile.
// From Linux's /proc; elsewhere there is nothing as exact, and nothing is said.
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds, all threads together; null where the system does not tell. */
export function cpuMicros(pid: number): number | null {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [onCpu = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      nanoseconds += Number(onCpu);
    }
    return nanoseconds / 1_000;
  } catch {
    return null;
  }
}

/** The process that `pid` has started by a command that holds `word`; null where the system does not tell. */
export function childRunning(pid: number, word: string): number | null {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    const found = children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(word));
    return found === undefined ? null : Number(found);
  } catch {
    return null;
  }
}
