// Why a request was sent nowhere, as its client hears it, and when it may come again.
import type { Choice } from './choose-backend.ts';
import type { EdgeError } from './edge-error.ts';
import type { RuntimePool } from './pool-registry.ts';
import { tellOverloaded } from './tell-overloaded.ts';
import type { Visit } from './visit.ts';
import type { Waited } from './wait-for-place.ts';

const RETRY_AFTER_SECONDS = 1;

export function noPlace(
  visit: Visit,
  pool: RuntimePool,
  why: Extract<Choice, { type: 'no-backend' }> | Extract<Waited, { type: 'overloaded' }>,
): EdgeError {
  const { queue } = pool.config;
  if (why.type === 'overloaded') {
    tellOverloaded(visit, pool, why.reason);
    const waits =
      why.reason === 'queue-full' ? `${queue.max} requests wait already` : `${queue.timeoutMs} ms`;
    const detail = `Cannot get a place at pool "${pool.name}": all its backends are full (${waits})`;
    return { code: 'overloaded', detail, retryAfterSeconds: Math.ceil(queue.timeoutMs / 1_000) };
  }
  const opensInMs =
    why.reason === 'all-limited' && why.limit === 'circuit-open' ? firstOpening(visit, pool) : 0;
  const retryAfterSeconds = Math.max(RETRY_AFTER_SECONDS, Math.ceil(opensInMs / 1_000));
  return { code: 'no-backend', detail: why.detail, retryAfterSeconds };
}

/** ms until the first of the circuits lets a trial pass. O(n). */
function firstOpening({ edge }: Visit, { backends }: RuntimePool): number {
  const nowMs = edge.now();
  const waits = backends.flatMap(({ state: { circuit } }) => {
    const ms = circuit?.opensInMs(nowMs) ?? 0;
    return ms > 0 ? [ms] : [];
  });
  return waits.length === 0 ? 0 : Math.min(...waits);
}
