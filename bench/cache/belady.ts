// Belady's policy (1966): evicts what is needed again last, which only one who knows the future can. Where all sizes are
// equal no policy that takes in what it missed can miss less. Where they differ it is no bound: the best choice is then
// NP-hard, and evicting one large object that is soon needed may save many small ones; it is shown for comparison.
import { PriorityHeap } from './priority-heap.ts';
import { type Misses, missCounter } from './simulate.ts';
import type { Trace } from './trace.ts';

export function simulateBelady(trace: Trace, bytesMax: number): Misses {
  const { requests, sizes, keys } = trace;
  const nextUse = nextUses(requests, keys.length);
  /** By negated time of the next use: the last needed is the least. */
  const heap = new PriorityHeap();
  const held = new Float64Array(keys.length);
  const counter = missCounter(trace);
  let bytes = 0;
  for (const [i, key] of requests.entries()) {
    const size = sizes[i] as number;
    if (held[key] === 0) {
      counter.miss(i);
      if (size > bytesMax) continue;
      while (bytes + size > bytesMax) {
        const victim = heap.shift()?.item as number;
        bytes -= held[victim] as number;
        held[victim] = 0;
      }
      held[key] = size;
      bytes += size;
    }
    heap.set(key, -(nextUse[i] as number));
  }
  return counter.misses();
}

/** By request: the index of the next request of the same key, or infinity. */
function nextUses(requests: Uint32Array, keys: number): Float64Array {
  const next = new Float64Array(requests.length);
  const seen = new Float64Array(keys).fill(Number.POSITIVE_INFINITY);
  for (let i = requests.length - 1; i >= 0; i--) {
    const key = requests[i] as number;
    next[i] = seen[key] as number;
    seen[key] = i;
  }
  return next;
}
