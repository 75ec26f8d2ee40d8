// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam 2016): with m requests in flight, the new
// one counted, no backend gets one beyond ⌈c·m/n⌉, and the overflow of a hot key goes to its next alternatives. Since
// c > 1 there is always one below its bound. Weighted, each backend's part of m is that of its weight.
import { type SelectionQuestion, softRefusal } from './refusals.ts';

/** Of products of floating point that would be whole. */
const ROUNDING = 1e-9;

/** Most requests in flight, at least 1: `part` of all of them, 0–1, times `boundedLoad`, rounded up. */
export function loadBound(boundedLoad: number, inFlight: number, part: number): number {
  return Math.max(1, Math.ceil(boundedLoad * inFlight * part - ROUNDING));
}

/**
 * Whether one more request would be over a backend's bound, among these backends. Who takes no traffic, by state or
 * health, counts neither as capacity nor with what is still in flight there. O(1) for who has nothing in flight,
 * otherwise O(backends) once.
 */
export function overBound(
  question: SelectionQuestion,
  members: readonly number[],
  boundedLoad: number,
): (backend: number) => boolean {
  const { backends, pool } = question;
  const weightOf = (index: number): number => {
    const backend = backends[index];
    const isUsable = backend?.state === 'active' && softRefusal(question, index) === null;
    return isUsable ? backend.weight : 0;
  };
  let totalWeight = -1;
  let inFlight = 1;
  return (backend) => {
    const own = pool.inFlight(backend);
    if (own === 0) return false;
    if (totalWeight < 0) {
      totalWeight = 0;
      for (const index of members) {
        const weight = weightOf(index);
        if (weight === 0) continue;
        totalWeight += weight;
        inFlight += pool.inFlight(index);
      }
    }
    return own + 1 > loadBound(boundedLoad, inFlight, weightOf(backend) / totalWeight);
  };
}
