// How long a process has been on a processor: what a request costs there, whatever else the machine does meanwhile.
// From Linux's /proc; elsewhere there is nothing as exact, and nothing is said.
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds, all threads and the processes it has started together; null where the system does not tell. */
export function cpuMicros(pid: number): number | null {
  try {
    let micros = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [onCpu = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      micros += Number(onCpu) / 1_000;
      for (const child of childrenOf(pid, thread)) micros += cpuMicros(child) ?? 0;
    }
    return micros;
  } catch {
    return null;
  }
}

function childrenOf(pid: number, thread: string): number[] {
  const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The process that `pid` has started by a command that holds `word`; null where the system does not tell. */
export function childRunning(pid: number, word: string): number | null {
  try {
    const isIt = (child: number) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(word);
    return childrenOf(pid, String(pid)).find(isIt) ?? null;
  } catch {
    return null;
  }
}
