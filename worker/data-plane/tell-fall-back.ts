// The event that says that a pool's requests go to another pool, since it has no healthy backend to give.
import type { PoolChoice } from './choose-pool.ts';
import type { Visit } from './visit.ts';

const EVERY_MS = 1_000;

/** At most once a second and pool that fell back. */
export function tellFallBack({ edge, context, route }: Visit, { pool, first, path }: PoolChoice): void {
  const at = edge.now();
  const {
    name,
    state: { told },
  } = first;
  if (at - told.fellBackAt < EVERY_MS) return;
  told.fellBackAt = at;
  const detail = { pool: name, to: pool.name, path: path.map((step) => step.pool), route: route.id };
  edge.telemetry.event({ at, type: 'pool-fell-back', subject: name, detail }, context);
}
