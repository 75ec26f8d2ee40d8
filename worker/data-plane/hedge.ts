// One attempt, and others beside it when it is late: the first good answer wins, the others are given up. They share the
// retries' budget and count in `attemptsMax`; what a backend that was only slower is charged with is load, not failure.
import { isPlainAnswer } from '../../core/load-balancing/retry-decision.ts';
import { cancelBody } from './first-bytes.ts';
import { noteAttempt } from './journal.ts';
import { type Attempt, type Leash, makeAttempt, type Sending } from './make-attempt.ts';
import { type Place, takeAlternative } from './place.ts';
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';
import { within } from './within.ts';

interface Runner {
  readonly leash: Leash;
  /** Itself once it has ended; its attempt is null where it was given up. */
  readonly ended: Promise<{ readonly runner: Runner; readonly attempt: Attempt | null }>;
}

/** ms; null while too little is known for a second attempt. O(1). */
export function hedgeDelayMs({ config, state }: RuntimePool, nowMs: number): number | null {
  const { afterMs } = config.hedge;
  return afterMs > 0 ? afterMs : state.hedgeDelay.delayMs(nowMs);
}

/** `tried`: this request's backends by index, the place's own included; grows by each hedge. */
export async function makeHedgedAttempt(
  visit: Visit,
  pool: RuntimePool,
  first: Place,
  sending: Sending,
  kind: 'first' | 'retry',
  tried: number[],
  delayMs: number | null,
): Promise<Attempt> {
  const running = new Set<Runner>();
  const start = (place: Place, as: Attempt['kind']): void => {
    const leash: Leash = { giveUp() {} };
    const attempt = makeAttempt(visit, pool, place, sending, as, leash);
    const runner: Runner = { leash, ended: attempt.then((ended) => ({ runner, attempt: ended })) };
    running.add(runner);
  };
  const { hedge, retry } = pool.config;
  let hedgesLeft = delayMs === null ? 0 : Math.min(hedge.max, retry.attemptsMax - tried.length);
  let spare: Attempt | null = null;
  start(first, kind);
  for (;;) {
    const next = Promise.race([...running].map(({ ended }) => ended));
    const end = hedgesLeft > 0 && delayMs !== null ? await within(next, delayMs) : await next;
    if (end === null) {
      const place = takeHedge(visit, pool, tried, sending.deadlineAt);
      if (place === null) hedgesLeft = 0;
      else {
        hedgesLeft--;
        start(place, 'hedge');
      }
      continue;
    }
    running.delete(end.runner);
    const { attempt } = end;
    if (attempt === null) throw new Error('An attempt was given up while the race was on');
    const isGood = attempt.end.type === 'answered' && isPlainAnswer(retry, attempt.end.response.status);
    const best: Attempt = isGood || spare === null || spare.end.type === 'failed' ? attempt : spare;
    const worse: Attempt | null = best === attempt ? spare : attempt;
    if (worse !== null) giveAway(visit, worse);
    if (isGood || running.size === 0) {
      for (const { leash } of running) leash.giveUp();
      visit.tally.backend = best.backend.id;
      return best;
    }
    spare = best;
  }
}

/** null where nobody else may be tried, or the budget has no more. */
function takeHedge(visit: Visit, pool: RuntimePool, tried: number[], deadlineAt: number): Place | null {
  const nowMs = visit.edge.now();
  if (nowMs >= deadlineAt) {
    visit.tally.record?.hedgeHeldBack('deadline');
    return null;
  }
  return takeAlternative(visit, pool, tried, nowMs, () => pool.state.retryBudget.take(nowMs));
}

/** It ended, but another is the answer. */
function giveAway(visit: Visit, attempt: Attempt): void {
  noteAttempt(visit, attempt, { type: 'last', because: 'other-better' });
  if (attempt.end.type === 'failed') return;
  attempt.end.done();
  cancelBody(attempt.end.response, attempt.end.first);
}
