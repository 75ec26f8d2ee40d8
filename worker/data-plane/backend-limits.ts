// What forbids one more request to a backend at this moment, by limits of this isolate's own.
import type { LimitRefusal } from '../../core/load-balancing/refusals.ts';
import type { RuntimeBackend } from './pool-registry.ts';

/** null when nothing does. O(1). */
export function limitOf({ config, state }: RuntimeBackend, nowMs: number): LimitRefusal | null {
  if (config.maxInFlight > 0 && state.inFlight >= config.maxInFlight) return 'at-capacity';
  return state.circuit === null || state.circuit.mayTake(nowMs) ? null : 'circuit-open';
}
