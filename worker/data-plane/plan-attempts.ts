// What may follow a request's first attempt, as it stands before that is made.

import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { type PlannedAttempts, plannedAttempts } from '../../core/load-balancing/planned-attempts.ts';
import type { NotRepeatable } from '../../core/load-balancing/repeatable.ts';
import { type Asking, selectionQuestion } from './choose-backend.ts';
import { hedgeDelayMs } from './hedge.ts';
import type { RuntimePool } from './pool-registry.ts';

export function planOf(
  pool: RuntimePool,
  notRepeatable: NotRepeatable | null,
  nowMs: number,
): PlannedAttempts {
  const { config, state } = pool;
  const hedgeAfterMs = config.hedge.enabled ? hedgeDelayMs(pool, nowMs) : null;
  return plannedAttempts(config.retry, notRepeatable, hedgeAfterMs, state.retryBudget.left(nowMs));
}

/** Who would be tried if each attempt failed and nobody else came between; `first` is. O(attempts × n). */
export function plannedBackends(
  asking: Asking,
  pool: RuntimePool,
  first: number,
  attemptsMax: number,
  nowMs: number,
): string[] {
  const tried = [first];
  while (tried.length < attemptsMax) {
    const next = nextOf(asking, pool, tried, nowMs);
    if (next === null) break;
    tried.push(next);
  }
  return tried.map((index) => pool.backends[index]?.id ?? String(index));
}

/** As fetch-origin.ts chooses again. */
function nextOf(asking: Asking, pool: RuntimePool, tried: readonly number[], nowMs: number): number | null {
  for (const avoided of [tried, tried.slice(-1), []]) {
    const { selection } = explainSelection(selectionQuestion(asking, pool, avoided, nowMs));
    if (selection.type === 'backend') return selection.backend;
    if (selection.reason !== 'all-tried') return null;
  }
  return null;
}
