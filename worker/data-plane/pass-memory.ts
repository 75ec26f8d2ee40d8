// Keys whose last response could not be stored: for a while nobody waits for another request's fetch of them, since
// it would be of no use to those who wait. Of this isolate only, and bounded: forgetting costs a wait, never an error.

export interface PassMemory {
  remember(key: string): void;
  forget(key: string): void;
  has(key: string): boolean;
}

const KEYS_MAX = 2_000;
const LIFE_MS = 10_000;

/** `now` in epoch ms. Every call O(1). */
export function createPassMemory(now: () => number): PassMemory {
  /** Until when, in the order remembered. */
  const until = new Map<string, number>();
  return {
    remember(key) {
      until.delete(key);
      until.set(key, now() + LIFE_MS);
      if (until.size <= KEYS_MAX) return;
      for (const oldest of until.keys()) {
        until.delete(oldest);
        break;
      }
    },
    forget(key) {
      until.delete(key);
    },
    has(key) {
      return (until.get(key) ?? 0) > now();
    },
  };
}
