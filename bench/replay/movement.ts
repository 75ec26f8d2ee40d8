// What a second configuration would send elsewhere: by pool of the first, of the requests and of the keys that the log
// has. Where chance or load decides, nothing can be said of a single request, and it is counted apart.
import type { Destination } from './router.ts';

export interface Movement {
  readonly pool: string;
  /** Distinct keys that either configuration pins to a backend. */
  readonly keys: number;
  /** 0–1: of these, at their first request. */
  readonly keysMovedRatio: number;
  readonly requests: number;
  readonly requestsMovedRatio: number;
  /** Requests of which chance decides in one of both. */
  readonly unpinned: number;
}

interface Counted {
  readonly keys: Set<string>;
  keysMoved: number;
  requests: number;
  requestsMoved: number;
  unpinned: number;
}

export function movements() {
  const pools = new Map<string, Counted>();
  return {
    add(before: Destination, after: Destination | null): void {
      let counted = pools.get(before.pool);
      if (!counted) {
        counted = { keys: new Set(), keysMoved: 0, requests: 0, requestsMoved: 0, unpinned: 0 };
        pools.set(before.pool, counted);
      }
      if (!before.isPinned || after?.isPinned === false) {
        counted.unpinned++;
        return;
      }
      const moved = Number(after === null || after.pool !== before.pool || after.home !== before.home);
      counted.requests++;
      counted.requestsMoved += moved;
      if (counted.keys.has(before.key)) return;
      counted.keys.add(before.key);
      counted.keysMoved += moved;
    },
    result(): Movement[] {
      return [...pools].map(([pool, { keys, keysMoved, requests, requestsMoved, unpinned }]) => ({
        pool,
        keys: keys.size,
        keysMovedRatio: keysMoved / Math.max(1, keys.size),
        requests,
        requestsMovedRatio: requestsMoved / Math.max(1, requests),
        unpinned,
      }));
    },
  };
}
