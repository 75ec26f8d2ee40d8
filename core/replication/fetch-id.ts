// What tells one fetch of a key from another, for those who wait for it.
import type { FillToken } from './commands.ts';

/** Names the fetch that is made under the lease of that token, among those of its key. */
export function fetchIdOf({ groupId, view, op, t }: FillToken): string {
  return `${groupId}.${view}.${op}.${t}`;
}
