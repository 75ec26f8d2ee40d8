// A short queue before a pool whose backends are all full: in order of arrival, bounded in number and time. Whoever waits
// looks again and again by a timer of its own, as a promise that another request resolves would not be safe here.
import { pauseMs } from '../../core/load-balancing/wait-line.ts';
import type { Choice } from './choose-backend.ts';
import { type Taken, takePlace } from './place.ts';
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';
import { sleep } from './within.ts';

export type Waited =
  | Taken
  /** `queue-full` at once, or `waited-in-vain`. */
  | { readonly type: 'overloaded'; readonly reason: 'queue-full' | 'waited-in-vain' };

/** Whether others wait already: nobody passes them. O(1) while nobody does. */
export function mustWait({ config, state }: RuntimePool, nowMs: number): boolean {
  return config.queue.max > 0 && state.waiting.length(nowMs) > 0;
}

/** Whether a place may become free soon, and may be waited for. */
export function isFull({ config }: RuntimePool, choice: Choice): boolean {
  return (
    config.queue.max > 0 &&
    choice.type === 'no-backend' &&
    choice.reason === 'all-limited' &&
    choice.limit === 'at-capacity'
  );
}

export async function waitForPlace(visit: Visit, pool: RuntimePool): Promise<Waited> {
  const { edge, request } = visit;
  const { max, timeoutMs } = pool.config.queue;
  const { waiting } = pool.state;
  const joinedAt = edge.now();
  const ahead = waiting.length(joinedAt);
  const ticket = waiting.join(max, joinedAt);
  const ends = <T extends Waited>(waited: T): T => {
    const end =
      waited.type === 'backend' ? 'got-place' : waited.type === 'overloaded' ? waited.reason : waited.type;
    visit.tally.record?.waitedInLine({ ahead, ms: edge.now() - joinedAt, end });
    return waited;
  };
  if (ticket === null) return ends({ type: 'overloaded', reason: 'queue-full' });
  try {
    for (;;) {
      const nowMs = edge.now();
      const place = waiting.placeOf(ticket, nowMs);
      const choice = place === 0 ? takePlace(visit, pool, [], nowMs) : null;
      if (choice !== null && !isFull(pool, choice)) return ends(choice);
      const leftMs = joinedAt + timeoutMs - nowMs;
      if (leftMs <= 0 || request.signal.aborted)
        return ends({ type: 'overloaded', reason: 'waited-in-vain' });
      await sleep(Math.min(pauseMs(place), leftMs));
    }
  } finally {
    waiting.leave(ticket);
  }
}
