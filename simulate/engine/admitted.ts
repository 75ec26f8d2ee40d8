// Whether the member of a disk votes: judged here, not by the code under test.
import type { MemoryStore } from '../memory-store.ts';

/** It does on its first storage, and on a later one once that was readmitted. */
export function isAdmitted(disk: MemoryStore): boolean {
  const { identity, incarnations } = disk.head();
  return (incarnations[identity.memberId] ?? 1) === identity.incarnation;
}
