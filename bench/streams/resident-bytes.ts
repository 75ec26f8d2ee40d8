// How much of a process lies in memory, from Linux's /proc; elsewhere nothing is said.
import { readFileSync } from 'node:fs';

/** null where the system does not tell. */
export function residentBytes(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? null : Number(kib) * 1_024;
  } catch {
    return null;
  }
}

export interface MemoryWatch {
  /** The most since it began, beyond what there was then; null where the system does not tell. */
  stop(): number | null;
}

const LOOK_EVERY_MS = 20;

export function watchMemory(pid: number | null): MemoryWatch {
  const look = () => (pid === null ? null : residentBytes(pid));
  const before = look();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most ?? 0, look() ?? 0);
  }, LOOK_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      return before === null || most === null ? null : Math.max(most, look() ?? 0) - before;
    },
  };
}
