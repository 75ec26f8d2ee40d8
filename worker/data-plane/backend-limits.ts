// What forbids one more request to a backend at this moment, by limits of this isolate's own.
import type { LimitRefusal } from '../../core/load-balancing/refusals.ts';
import type { RuntimeBackend } from './pool-registry.ts';

/** null when nothing does. O(1). */
export function limitOf({ config, state }: RuntimeBackend, _nowMs: number): LimitRefusal | null {
  return config.maxInFlight > 0 && state.inFlight >= config.maxInFlight ? 'at-capacity' : null;
}
